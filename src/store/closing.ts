// Closing: remembers how data.mdb was when a writer closed the store. If nobody has touched it since, the
// next start need not read all of its pages, which takes longer than everything else.

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { namingSync } from '../named_errors.ts';
import { readRegularSync } from '../regular_file.ts';

/** Bytes: far more than four numbers take. */
const maxNote = 4096;

function note(root: string): string {
  return join(root, 'meta', 'closed');
}

/** Values that change whenever the file is written to or replaced. */
function evidenceOf(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}\n`;
}

/** Writes the note. When that fails, the next start reads all pages. */
export function noteClosing(root: string, data: string): void {
  try {
    writeFileSync(note(root), evidenceOf(data), { mode: 0o600 });
  } catch {}
}

/**
 * Removes the note, durably, before the first write: after a power cut the file's times may be older than its
 * pages.
 */
export async function forgetClosing(root: string): Promise<void> {
  if (!existsSync(note(root))) return;
  namingSync(note(root), () => rmSync(note(root), { force: true }));
  await syncFolder(join(root, 'meta'));
}

/** Whether nobody has touched the file since its writer closed it. */
export function isAsClosed(root: string, data: string): boolean {
  try {
    return readRegularSync(note(root), maxNote) === evidenceOf(data);
  } catch {
    return false;
  }
}

/**
 * Whether a process has the store open for writing, as far as this one can see: its kernel's list of locks
 * has those of processes that are in the same container.
 */
export function isBeingWritten(root: string): boolean {
  try {
    const { dev, ino } = statSync(join(root, 'lock'));
    const major = ((dev >> 8) & 0xfff).toString(16).padStart(2, '0');
    const minor = ((dev & 0xff) | ((dev >> 12) & 0xfff00)).toString(16).padStart(2, '0');
    const held = `${major}:${minor}:${ino}`;
    const locks = readFileSync('/proc/locks', 'utf8').split('\n');
    return locks.some((line) => line.includes(' FLOCK ') && line.split(/ +/).includes(held));
  } catch {
    return false;
  }
}
