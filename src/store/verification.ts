// Verification: the blobs of a store, hashed and compared with what is recorded of them, and what else is in
// their folder. Nothing is written, so that it can go on beside a server; what a server changes meanwhile is
// looked at once more.

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { inTurns } from '../turns.ts';
import { blobsFolder } from './blobs.ts';
import { type BlobFault, inspectBlob } from './inspection.ts';
import type { KnownBlob, Store } from './store.ts';
import { firstFolders, type Stray, straysAbove, straysIn } from './stray_files.ts';
import type { Usage } from './usage.ts';

/** `unknown`: of a digest that was asked for. */
export type Fault =
  | { state: BlobFault['state'] | 'unrecorded' | 'unknown'; digest: string; detail: string }
  | { state: 'foreign' | 'unreadable'; path: string; detail: string }
  | { state: 'miscounted'; bucket: string; detail: string };

export interface Verification {
  store: Pick<Store, 'root' | 'known'>;
  onFault(fault: Fault): void;
  /** Its file was read, or it needs none. */
  onDone(blob: KnownBlob): void;
  signal: AbortSignal;
}

/** Blobs that are hashed at a time: more would take the disk and the processors from a server beside. */
const hashesAtATime = 2;
const page = 1000;
/** Milliseconds from a blob in its place to its record, at most: a disk that is slow takes seconds. */
const recordDelay = 5000;

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
  await inTurns(
    blobs,
    hashesAtATime,
    (blob) => verifyOne(blob, on),
    () => on.signal.aborted,
  );
}

async function verifyOne(blob: KnownBlob, { store, signal, onFault, onDone }: Verification): Promise<void> {
  const { digest } = blob;
  try {
    const fault = await inspectBlob(blob, store.root, { signal });
    if (fault) {
      // Forgotten, withdrawn, collected or stored anew meanwhile?
      const [now] = store.known({ only: digest });
      const isSame = now?.state === blob.state && now.state !== 'stored';
      const last = isSame || now === undefined ? fault : await inspectBlob(now, store.root, { signal });
      if (last && now) onFault({ digest, ...last });
    }
    onDone(blob);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Files in the folder of the blobs that are none on record. */
export async function findStrays({ store, onFault, signal }: Verification): Promise<void> {
  const isKnown = (digest: string) => store.known({ only: digest }).length > 0;
  const unrecorded: string[] = [];
  const take = (stray: Stray) => {
    if (stray.state === 'unrecorded') unrecorded.push(stray.digest);
    else onFault({ ...stray, detail: 'it is not the store’s' });
  };
  for await (const stray of straysAbove(store.root)) take(stray);
  for (const first of await firstFolders(store.root)) {
    if (signal.aborted) return;
    try {
      for await (const stray of straysIn(store.root, first, isKnown)) take(stray);
    } catch (error) {
      const path = join(blobsFolder(store.root), first);
      onFault({ state: 'unreadable', path, detail: (error as Error).message });
    }
  }
  if (unrecorded.length === 0) return;
  // One that was placed just now has its record in a moment.
  await wait(recordDelay, undefined, { signal }).catch(() => {});
  for (const digest of unrecorded)
    if (!isKnown(digest))
      onFault({ digest, state: 'unrecorded', detail: 'its file is there, and no record says so' });
}

/** Counters of buckets that are not what their names keep. False: they could not be compared. */
export async function findMiscounted(
  { onFault }: Pick<Verification, 'onFault'>,
  store: Pick<Store, 'miscounted'>,
): Promise<boolean> {
  const found = await store.miscounted();
  for (const { bucket, counted, found: real } of found ?? []) {
    const said = ({ objects, bytes }: Usage) => `${objects} objects of ${bytes} bytes`;
    onFault({ state: 'miscounted', bucket, detail: `counted as ${said(counted)}, and keeps ${said(real)}` });
  }
  return found !== undefined;
}
