// CommonPrefix: what stands in a listing for all names that are the same up to a delimiter, as a folder does.

/** Undefined: the name is listed by itself. The delimiter counts that comes first behind `prefix`. */
export function commonPrefix(
  name: string,
  { prefix, delimiter = '' }: { prefix: string; delimiter?: string | undefined },
): string | undefined {
  if (delimiter === '' || !name.startsWith(prefix)) return undefined;
  const at = name.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : name.slice(0, at + delimiter.length);
}

/** The first text behind all that begin so, in code-point order; undefined: there is none. */
export function textBehind(prefix: string): string | undefined {
  const points = [...prefix].map((each) => each.codePointAt(0) as number);
  while (points.at(-1) === lastPoint) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  // No text has half a surrogate pair.
  const next = last === beforeSurrogates ? afterSurrogates : last + 1;
  return String.fromCodePoint(...points, next);
}

const lastPoint = 0x10ffff;
const beforeSurrogates = 0xd7ff;
const afterSurrogates = 0xe000;
