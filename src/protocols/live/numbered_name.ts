// NumberedName: the name of a segment as one of a series that differ in their last number alone.

/** `series`: the name without that number; the extension has none. `number`: undefined where it has none. */
export function numberedName(name: string): { series: string; number: number | undefined } {
  const dot = name.lastIndexOf('.');
  let end = dot < 0 ? name.length : dot;
  while (end > 0 && !isDigit(name, end - 1)) end -= 1;
  let start = end;
  while (start > 0 && isDigit(name, start - 1)) start -= 1;
  const number = Number(name.slice(start, end));
  const isExact = start < end && Number.isSafeInteger(number);
  return { series: `${name.slice(0, start)}\0${name.slice(end)}`, number: isExact ? number : undefined };
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}
