// Vary of an answer: one line with the request fields that it depends on, of the server itself, of the site's
// rules and, where other origins are told apart, Origin. One, as nginx before 1.23 reads only the last one:
// a cache that misses Accept-Encoding would send a coding to clients that cannot decode it.

import type { CorsRule } from '../config/site_rules.ts';
import type { ResponseField } from '../native/addon.ts';

type Fields = readonly ResponseField[];

const isVary = ([name]: ResponseField) => name.toLowerCase() === 'vary';

/**
 * The fields that `change` makes of those given. What the server says by Vary stays, whatever the rules are.
 * An answer without Vary gets none here: the engine adds Origin, as to those that it makes itself.
 */
export function keepingVary(given: Fields, change: (fields: Fields) => Fields, cors?: CorsRule): Fields {
  const changed = change(given.filter((field) => !isVary(field)));
  const lines = [...given, ...changed].filter(isVary).map(([, value]) => value);
  if (lines.length === 0) return changed;
  if (cors && !cors.origins.includes('*')) lines.push('Origin');
  const names = new Map(lines.flatMap((line) => line.split(',')).map((name) => [nameOf(name), name.trim()]));
  return [...changed.filter((field) => !isVary(field)), ['Vary', [...names.values()].join(', ')]];
}

function nameOf(text: string): string {
  return text.trim().toLowerCase();
}
