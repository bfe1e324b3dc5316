// What is wrong with a change of the rollout, told by the flags that gave it before anything is sent.

import type * as z from 'zod';
import { askedChangeSchema, reasonSchema } from '../rollout_schema.ts';
import { UsageError } from './say.ts';

/** What gives each field of a change on the command line. */
const flags: Record<string, string> = {
  phase: 'phase',
  why: '--why',
  percent: '--percent',
  control: '--control-group',
  'slice.clients': '--client',
  'slice.serverNames': '--server-name',
  'slice.listeners': '--listener',
  'slice.protocols': '--protocol',
  'slice.ciphers': '--cipher',
  'slice.minBytes': '--min-bytes',
};

/** Characters of a value that an error repeats. */
const shownCharacters = 100;

/** Throws UsageError for a change that no server takes. */
export function checkChange(asked: unknown): void {
  check(asked, askedChangeSchema, (path) => {
    const field = path.slice(0, path[0] === 'slice' ? 2 : 1).join('.');
    return flags[field] ?? field;
  });
}

export function checkReason(why: string): void {
  check(why, reasonSchema, () => '--why');
}

function check(asked: unknown, schema: z.ZodType, flagOf: (path: PropertyKey[]) => string): void {
  const issue = schema.safeParse(asked).error?.issues[0];
  if (issue === undefined) return;
  const given = issue.path.reduce((value, key) => (value as Record<PropertyKey, unknown>)?.[key], asked);
  const shown = Array.isArray(given) ? `${given.length}` : `'${String(given).slice(0, shownCharacters)}'`;
  throw new UsageError(`${flagOf(issue.path)}: ${expectationOf(issue)}, got ${shown}`);
}

function expectationOf(issue: z.core.$ZodIssue): string {
  const units: Record<string, string> = { array: ' values', string: ' characters' };
  switch (issue.code) {
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}`;
    case 'too_big':
      return `expected at most ${issue.maximum}${units[issue.origin] ?? ''}`;
    case 'too_small':
      if (issue.origin !== 'string') return `expected at least ${issue.minimum}${units[issue.origin] ?? ''}`;
      return issue.message;
    case 'invalid_type':
      return issue.expected === 'int' ? 'expected a whole number' : issue.message;
    case 'invalid_format':
      return issue.format === 'url' ? 'expected a URL like https://192.0.2.1:8443' : issue.message;
    default:
      return issue.message;
  }
}
