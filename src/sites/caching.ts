// Caching rules of a site: the Cache-Control that the first matching rule says. An object's own comes
// before it, unless the rule overrides.

import type { CachingRule } from '../config/site_rules.ts';
import { publicCaching } from '../engine/caching.ts';
import { pathPattern } from '../path_pattern.ts';

export interface Caching {
  /** The Cache-Control for a path; undefined: what is recorded, or what the kind of the bucket says. */
  (path: string, recorded: string | undefined): string | undefined;
  /** The number of the rule that decides about a path, from 0 on; -1: none does. */
  ruleOf(path: string): number;
}

const fixed: Record<NonNullable<CachingRule['value']>, string> = { ...publicCaching, 'no-store': 'no-store' };

/**
 * @param hashedNames names with a hash may be kept for ever, whatever the rules say.
 * @param otherwise what a path has that no rule matches.
 */
export function cachingBy(
  rules: readonly CachingRule[],
  hashedNames: boolean,
  otherwise: (path: string) => string | undefined = () => undefined,
): Caching {
  const compiled = rules.map((rule) => ({
    pattern: pathPattern(rule.match),
    value: cacheControlOf(rule),
    override: rule.override,
  }));
  const ruleOf = (path: string) => compiled.findIndex(({ pattern }) => pattern.matches(path));
  const caching = (path: string, recorded: string | undefined) => {
    const rule = compiled[ruleOf(path)];
    if (recorded !== undefined && !rule?.override) return undefined;
    if (hashedNames && hasHash(path) && !rule?.override) return publicCaching.immutable;
    return rule ? rule.value : otherwise(path);
  };
  return Object.assign(caching, { ruleOf });
}

function cacheControlOf(rule: CachingRule): string {
  if (rule.value !== undefined) return fixed[rule.value];
  const directives: [name: string, seconds: number | undefined][] = [
    ['max-age', rule.maxAge],
    ['s-maxage', rule.sMaxAge],
    ['stale-while-revalidate', rule.staleWhileRevalidate],
    ['stale-if-error', rule.staleIfError],
  ];
  const said = directives.filter(([, seconds]) => seconds !== undefined);
  return ['public', ...said.map(([name, seconds]) => `${name}=${seconds}`)].join(', ');
}

/** What stands between a dot, hyphen or underscore and the last extension: 8 characters and more. */
const candidate = /[._-]([A-Za-z0-9_-]{8,64})\.[A-Za-z0-9]+(?:\.map)?$/;

/**
 * Whether a build tool put a hash of the content into the name: hexadecimal with digits and letters, or, as
 * Vite writes it, letters of both cases and digits. A word or a date is none.
 */
function hasHash(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const found = candidate.exec(name)?.[1] ?? '';
  const text = found.slice(Math.max(found.lastIndexOf('-'), found.lastIndexOf('_')) + 1);
  return [found, text].some((each) => each.length >= 8 && isHash(each));
}

function isHash(text: string): boolean {
  const has = (what: RegExp) => what.test(text);
  if (/^[0-9a-f]+$/.test(text)) return has(/\d/) && has(/[a-f]/);
  return has(/\d/) && has(/[a-z]/) && has(/[A-Z]/);
}
