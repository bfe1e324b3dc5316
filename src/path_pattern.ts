// PathPattern: a glob over paths as clients see them, for the rules of a site. `*` stands for characters of
// one segment, `**` for any number of segments, `?` for a character; `{a,b}` and `[ab]` are alternatives.

import picomatch from 'picomatch';
import * as z from 'zod';

export interface PathPattern {
  glob: string;
  /** @param path decoded, with a slash at its start. */
  matches(path: string): boolean;
  /** What stars and alternatives stand for, from the left; undefined: the path does not match. */
  captures(path: string): string[] | undefined;
}

/** Characters of a path that is compared: more than a name of the store below the path of a site has. */
const maxPathCharacters = 2048;
const maxPatternCharacters = 512;
/** Each doubles the ways to try a path at least. */
const maxAlternatives = 4;

/** A pattern in the configuration. */
export function patternSchema() {
  return z.string().superRefine((glob, context) => {
    const fault = faultOfPattern(glob);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });
}

/** Why a pattern cannot be one, or matches nothing; undefined: it is good. */
export function faultOfPattern(glob: string): string | undefined {
  if (glob.length > maxPatternCharacters) return `expected at most ${maxPatternCharacters} characters`;
  if (!/^(?:\/|\*\*$|\*\*\/)/.test(glob))
    return 'expected a pattern that begins with / or **/, since every path begins with a slash';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no path that is compared has them
  if (/[\u0000-\u001f\u007f\\()|!#]/.test(glob))
    return 'expected a pattern of *, **, ?, {a,b} and [ab], without \\ ( ) | ! # and control characters';
  if (glob.includes('//') || /\/\.{1,2}(?:\/|$)/.test(glob))
    return 'it matches nothing: paths are compared without empty segments, . and ..';
  return faultOfStars(glob);
}

// One star a segment and one ** a pattern: then comparing takes time linear in the path that clients choose.
function faultOfStars(glob: string): string | undefined {
  const segments = glob.split('/');
  if (segments.filter((each) => each === '**').length > 1) return 'expected at most one **';
  if (segments.some((each) => each !== '**' && each.includes('**')))
    return 'expected ** to be a segment of its own, between slashes';
  if (segments.some((each) => each !== '**' && each.split('*').length > 2))
    return 'expected at most one * between two slashes';
  if (/\{[^}]*[*/{]/.test(glob)) return 'expected none of * / { within {}';
  if (glob.split('{').length - 1 > maxAlternatives) return `expected at most ${maxAlternatives} {}`;
  // What is between pairs is gone, and so are pairs with something in them: nothing else may be left.
  const unpaired = glob.replace(/\{[^{}]+\}/g, '').replace(/\[[^[\]]+\]/g, '');
  if (/[{}]/.test(unpaired)) return 'expected } for each {, and something between them';
  return /[[\]]/.test(unpaired) ? 'expected ] for each [, and something between them' : undefined;
}

/** @param glob without a fault. */
export function pathPattern(glob: string): PathPattern {
  const bare = glob.replace(/^\//, '');
  if (!/[*?{[]/.test(bare)) {
    const matches = (path: string) => path === glob;
    return { glob, matches, captures: (path) => (matches(path) ? [] : undefined) };
  }
  const expression = picomatch.makeRe(bare, {
    dot: true,
    nonegate: true,
    noextglob: true,
    strictSlashes: true,
    capture: true,
  });
  const match = (path: string) =>
    path.length <= maxPathCharacters ? expression.exec(path.replace(/^\//, '')) : null;
  return {
    glob,
    matches: (path) => match(path) !== null,
    captures: (path) =>
      match(path)
        ?.slice(1)
        .map((each) => each ?? ''),
  };
}
