// What is wrong with values that somebody gave, in words: zod's own name types of the code and repeat values
// of any length.

import type * as z from 'zod';
import { counted } from './counted.ts';

/** Characters of a value that an error repeats. */
const shownCharacters = 100;
/** Faults that an answer names; more would not help. */
const maxNamed = 10;
const units: Record<string, string> = { array: 'value', string: 'character' };
const types: Record<string, string> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** A sentence for each fault, with the path of the field. @param asked the value that was checked. */
export function faultsOf(asked: unknown, error: z.ZodError): string {
  const named = error.issues.slice(0, maxNamed).map((issue) => {
    const field = issue.path.join('.') || 'The body';
    return `${field}: ${faultOf(asked, issue)}.`;
  });
  return named.join(' ');
}

/** What is wrong with one field, without its name. */
export function faultOf(asked: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `there is no field ${shown(issue.keys.join(', '))}`;
  const given = issue.path.reduce((value, key) => (value as Record<PropertyKey, unknown>)?.[key], asked);
  return `${expectationOf(issue)}, got ${given === undefined ? 'nothing' : shown(given)}`;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `${value.length}`;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `'${text.slice(0, shownCharacters)}'`;
}

/** What a field should be; in the words of its schema, where that has some. */
export function expectationOf(issue: z.core.$ZodIssue): string {
  const isZods = /^(?:Invalid input|Invalid option|Too small|Too big): /.test(issue.message);
  if (!isZods && issue.code !== 'invalid_format') return issue.message;
  switch (issue.code) {
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    case 'too_big':
      return `expected at most ${limitOf(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `expected at least ${limitOf(issue.minimum, issue.origin)}`;
    case 'invalid_type':
      return `expected ${types[issue.expected] ?? issue.expected}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected a URL like https://192.0.2.1:8443' : issue.message;
    default:
      return issue.message;
  }
}

function limitOf(limit: number | bigint, origin: string): string {
  const unit = units[origin];
  return unit === undefined ? `${limit}` : counted(limit, unit);
}
