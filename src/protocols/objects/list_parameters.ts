// The parameters of listings.

import { SealgateError } from '../../errors.ts';
import { maxNameBytes } from '../../store/names.ts';

const maxLimit = 1000;
/** Characters of a name that an answer repeats. */
const shownCharacters = 40;

/** Anything else is refused: whoever asks for it expects another answer. Throws `query-invalid`. */
export function checkParameters(query: URLSearchParams, parameters: string[]): void {
  const given = [...query.keys()];
  const unknown = given.find((key) => !parameters.includes(key));
  const refuse = (key: string, why: string) => {
    throw new SealgateError('query-invalid', `${key.slice(0, shownCharacters)}: ${why}`);
  };
  if (unknown !== undefined) refuse(unknown, `a listing has no such parameter; it has ${told(parameters)}.`);
  const twice = given.find((key, index) => given.indexOf(key) !== index);
  if (twice !== undefined) refuse(twice, 'given more than once.');
}

function told(names: string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export function nameParameter(query: URLSearchParams, key: string): string {
  const value = query.get(key) ?? '';
  if (Buffer.byteLength(value) <= maxNameBytes) return value;
  throw new SealgateError('query-invalid', `${key}: at most ${maxNameBytes} bytes.`);
}

export function limitParameter(query: URLSearchParams): number {
  const value = query.get('limit') ?? String(maxLimit);
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= maxLimit) return limit;
  throw new SealgateError('query-invalid', `limit: a whole number from 1 to ${maxLimit}.`);
}
