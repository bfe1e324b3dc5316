// Verification: the blobs of a store, hashed and compared with what is recorded of them. Nothing is written,
// so that it can go on beside a server; what a server changes meanwhile is looked at once more.

import { createHash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDigest } from '../digest.ts';
import { addon } from '../native/addon.ts';
import { streamRegular } from '../regular_file.ts';
import { Blobs, blobsFolder } from './blobs.ts';
import type { KnownBlob, Store } from './store.ts';

export type Fault = {
  digest: string;
  state: 'damaged' | 'missing' | 'unreadable' | 'withdrawn' | 'not-forgotten' | 'unrecorded' | 'unknown';
  detail: string;
};

export interface Verification {
  store: Pick<Store, 'root' | 'known'>;
  onFault(fault: Fault): void;
  /** A blob is done: its bytes. */
  onDone(bytes: number): void;
  signal: AbortSignal;
}

/** Blobs that are hashed at a time: more would take the disk and the processors from a server beside. */
const hashesAtATime = 2;
const page = 1000;
/** Milliseconds from a blob in its place to its record, at most: a disk that is slow takes seconds. */
const recordDelay = 5000;
const sealedMode = 0o444;

/** Every blob that there is a record of. */
export function* allKnown(store: Pick<Store, 'known'>): Generator<KnownBlob> {
  for (let after = ''; ; ) {
    const found = store.known({ after, limit: page });
    yield* found;
    const last = found.at(-1);
    if (last === undefined) return;
    after = last.digest;
  }
}

/** Looks at these blobs, and resolves when all are done or the signal came. */
export async function verifyBlobs(blobs: Iterable<KnownBlob>, on: Verification): Promise<void> {
  const waiting = blobs[Symbol.iterator]();
  const takeTurns = async () => {
    for (let next = waiting.next(); !next.done && !on.signal.aborted; next = waiting.next())
      await verifyOne(next.value, on);
  };
  await Promise.all(Array.from({ length: hashesAtATime }, takeTurns));
}

async function verifyOne(blob: KnownBlob, on: Verification): Promise<void> {
  const { digest } = blob;
  const fault = await faultOf(blob, on.store.root);
  if (fault) {
    // Forgotten, withdrawn or stored anew meanwhile?
    const [now = blob] = on.store.known({ only: digest });
    const last =
      now.state === blob.state && now.state !== 'stored' ? fault : await faultOf(now, on.store.root);
    if (last) on.onFault({ digest, ...last });
  }
  on.onDone(blob.state === 'stored' ? blob.size : 0);
}

type Found = Omit<Fault, 'digest'>;

async function faultOf(blob: KnownBlob, root: string): Promise<Found | undefined> {
  const path = new Blobs(root).path(blob.digest);
  if (blob.state === 'withdrawn') return { state: 'withdrawn', detail: blob.why };
  if (blob.state === 'stored') return faultOfFile(path, blob);
  const left = await lstat(path).catch(() => undefined);
  return left && { state: 'not-forgotten', detail: 'it is forgotten, and its file is there' };
}

async function faultOfFile(
  path: string,
  expected: { digest: string; size: number },
): Promise<Found | undefined> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) return { state: 'damaged', detail: 'something that is no file is in its place' };
    if (found.size !== expected.size)
      return { state: 'damaged', detail: `${found.size} bytes instead of ${expected.size}` };
    // The engine sets a wrong mode right, and nothing is to be written here.
    const isSealed = (found.mode & 0o7777) === sealedMode;
    const digest = isSealed ? (await addon.hashFile(path)).digest : await hashOf(path);
    return digest === expected.digest ? undefined : { state: 'damaged', detail: `it has SHA-256 ${digest}` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { state: 'missing', detail: 'there is no file' };
    return { state: 'unreadable', detail: code ?? message };
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of streamRegular(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Files in the place of blobs that there is no record of. */
export async function findUnrecorded({ store, onFault, signal }: Verification): Promise<void> {
  const found: string[] = [];
  for await (const digest of digestsBelow(blobsFolder(store.root), signal))
    if (store.known({ only: digest }).length === 0) found.push(digest);
  if (found.length === 0) return;
  // One that was placed just now has its record in a moment.
  await wait(recordDelay, undefined, { signal }).catch(() => {});
  for (const digest of found) {
    if (store.known({ only: digest }).length > 0) continue;
    onFault({ digest, state: 'unrecorded', detail: 'its file is there, and no record says so' });
  }
}

export async function* digestsBelow(folder: string, signal?: AbortSignal): AsyncGenerator<string> {
  for (const first of await readdir(folder)) {
    for (const second of await readdir(join(folder, first))) {
      if (signal?.aborted) return;
      for (const name of await readdir(join(folder, first, second))) if (isDigest(name)) yield name;
    }
  }
}
