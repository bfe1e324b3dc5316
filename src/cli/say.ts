// Messages of the commands besides their results.

import { constants } from 'node:os';

/** A line on standard error. Not console.error: Bun colours it on a terminal. */
export function sayError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The status of commands that found damaged or missing content. */
export const damagedStatus = 4;

const failuresShown = 20;

/** Prints the first failures, one a line, and how many more there are. */
export function sayFailures(failures: readonly { what: string; reason: string }[]): void {
  for (const { what, reason } of failures.slice(0, failuresShown)) sayError(`sealgate: ${what}: ${reason}`);
  const unseen = failures.length - failuresShown;
  if (unseen > 0) sayError(`sealgate: and ${unseen} more`);
}

/** No server responded, or it responded with something unexpected. Exit status 3. */
export class NoServer extends Error {}

/** The arguments are invalid: the command does nothing and ends with status 2. */
export class UsageError extends Error {}

/** Sentences for system errors, since the runtimes' texts differ and are no sentences. */
const sentences: Record<string, string> = {
  EACCES: 'permission denied',
  EBUSY: 'is in use',
  EDQUOT: 'the quota of the disk is used up',
  EEXIST: 'is there already',
  EIO: 'the disk reports an input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many symbolic links, or one where none may be',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'does not exist',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is no directory',
  ENOTEMPTY: 'the directory is not empty',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

/** libuv has no name for EDQUOT. */
const unnamedQuota = `Unknown system error -${constants.errno.EDQUOT}`;

/** What an error of the system means, without the path; undefined for codes that are rare. */
export function wordsOf(code: string | undefined): string | undefined {
  return code === undefined ? undefined : sentences[code === unnamedQuota ? 'EDQUOT' : code];
}

/** An error as a sentence for the terminal, without class names and stack. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, message } = error as NodeJS.ErrnoException;
  const sentence = wordsOf(code);
  if (sentence !== undefined && typeof path === 'string') return `${path}: ${sentence}`;
  const ours = [TypeError, ReferenceError, RangeError].some((each) => error instanceof each);
  if (ours && code === undefined)
    return `internal fault: ${message}; run the command again with --debug and report what it shows`;
  return message;
}

/**
 * The number given to a flag. Throws UsageError. @param expected for the message: `a number of 1 or more`.
 */
export function numberOf(
  flag: string,
  given: string,
  expected: string,
  fits: (value: number) => boolean,
): number {
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (Number.isFinite(value) && fits(value)) return value;
  throw new UsageError(`${flag}: expected ${expected}, got '${given}'`);
}
