// CommonPrefix: one entry of a listing for all names that are the same up to a delimiter, like a folder.

/**
 * The name up to its first delimiter behind `prefix`; undefined when it has none, so it is listed by itself.
 */
export function commonPrefix(
  name: string,
  { prefix, delimiter = '' }: { prefix: string; delimiter?: string | undefined },
): string | undefined {
  if (delimiter === '' || !name.startsWith(prefix)) return undefined;
  const at = name.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : name.slice(0, at + delimiter.length);
}

/** The first text, in code-point order, behind all that begin with `prefix`; undefined: there is none. */
export function textBehind(prefix: string): string | undefined {
  const points = [...prefix].map((each) => each.codePointAt(0) as number);
  while (points.at(-1) === lastPoint) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // Skips the surrogates, which are no code points of a text.
  const next = last === beforeSurrogates ? afterSurrogates : last + 1;
  return String.fromCodePoint(...points, next);
}

const lastPoint = 0x10ffff;
const beforeSurrogates = 0xd7ff;
const afterSurrogates = 0xe000;
