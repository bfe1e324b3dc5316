// A number with what it counts, in words.

/** `1 file`, `2 files`; with a verb `1 file was`, `2 files were`. */
export function counted(number: number | bigint, what: string, verb?: 'was'): string {
  const isOne = Number(number) === 1;
  const does = verb === undefined ? '' : isOne ? ' was' : ' were';
  return `${number} ${what}${isOne ? '' : 's'}${does}`;
}
