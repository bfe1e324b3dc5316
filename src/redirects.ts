// Redirects of a site: which URL a path is sent on to.

import { type PathPattern, pathPattern } from './path_pattern.ts';

export interface RedirectRule {
  from: string;
  to: string;
  status: number;
}

export interface Redirect {
  status: number;
  /** The value of Location, without the query of the request. */
  to: string;
  /** The number of the rule, from 0 on. */
  rule: number;
}

export class Redirects {
  readonly #rules: { pattern: PathPattern; to: string; status: number }[];

  constructor(rules: readonly RedirectRule[]) {
    this.#rules = rules.map(({ from, to, status }) => ({ pattern: pathPattern(from), to, status }));
  }

  /** Where a path is sent on to; undefined: nowhere. @param path decoded, without dot segments. */
  of(path: string): Redirect | undefined {
    for (const [rule, { pattern, to, status }] of this.#rules.entries()) {
      const captures = pattern.captures(path);
      if (captures) return { status, to: filledIn(to, captures), rule };
    }
    return undefined;
  }
}

// An empty capture at the start must not leave two slashes, which would name another host.
function filledIn(to: string, captures: readonly string[]): string {
  const filled = to.replace(/\$([1-9])/g, (_, digit: string) =>
    encodedPath(captures[Number(digit) - 1] ?? ''),
  );
  return to.startsWith('/') ? filled.replace(/^\/+/, '/') : filled;
}

/** A decoded path as a URL has it. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** A redirect's target with the query of the request behind its own. @param url of the request. */
export function withQuery(to: string, url: string): string {
  const mark = url.indexOf('?');
  const query = mark < 0 ? '' : url.slice(mark + 1);
  if (query === '' || !/^[!-~]*$/.test(query)) return to;
  const [before = '', fragment] = to.split('#', 2);
  const joined = `${before}${before.includes('?') ? '&' : '?'}${query}`;
  return fragment === undefined ? joined : `${joined}#${fragment}`;
}
