// What commands say beside their results.

/** A line on standard error. Not console.error: Bun colours it on a terminal. */
export function sayError(line: string): void {
  process.stderr.write(`${line}\n`);
}
