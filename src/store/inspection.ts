// Inspection: reads the file of one blob and compares it with its record. It writes nothing: the scrubber, or
// the command that verifies a store, acts on the fault.

import { lstat } from 'node:fs/promises';
import { Blobs } from './blobs.ts';
import { hashOnDisk, type Reading } from './disk_hash.ts';
import type { KnownBlob } from './store.ts';

/** What can be wrong with a recorded blob. */
export type BlobFault = {
  state: 'damaged' | 'missing' | 'unreadable' | 'withdrawn' | 'not-forgotten' | 'wrong-mode';
  detail: string;
};

const sealedMode = 0o444;

/**
 * The fault of a blob; undefined: there is none. The caller must check whether the blob's state changed
 * during the reading. Rejects when the signal comes.
 */
export async function inspectBlob(
  blob: KnownBlob,
  root: string,
  reading: Reading = {},
): Promise<BlobFault | undefined> {
  const path = new Blobs(root).path(blob.digest);
  if (blob.state === 'withdrawn') return { state: 'withdrawn', detail: blob.why };
  if (blob.state === 'stored') return inspectFile(path, blob, reading);
  const left = await lstat(path).catch(() => undefined);
  return left && { state: 'not-forgotten', detail: 'it is forgotten, and its file is there' };
}

async function inspectFile(
  path: string,
  expected: { digest: string; size: number },
  reading: Reading,
): Promise<BlobFault | undefined> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) return { state: 'damaged', detail: 'something that is no file is in its place' };
    if (found.size !== expected.size)
      return { state: 'damaged', detail: `${found.size} bytes instead of ${expected.size}` };
    const { digest } = await hashOnDisk(path, reading);
    if (digest !== expected.digest) return { state: 'damaged', detail: `it has SHA-256 ${digest}` };
    const mode = found.mode & 0o7777;
    if (mode === sealedMode) return undefined;
    return { state: 'wrong-mode', detail: `its mode is ${mode.toString(8)} instead of 444` };
  } catch (error) {
    if (reading.signal?.aborted) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { state: 'missing', detail: 'there is no file' };
    return { state: 'unreadable', detail: code ?? message };
  }
}
