// What is found under a name, or under a digest, to be delivered.

import { isAbsent } from '../errors.ts';
import type { Epoch, Hashed, SealRecord } from '../native/addon.ts';
import type { SealFloor } from '../seal_policy.ts';
import type { BucketKind, Descriptor, Store } from '../store/store.ts';

export interface Name {
  bucket: string;
  name: string;
}

/** Tells a name from all others: no bucket has a slash in its own. */
export function keyOf({ bucket, name }: Name): string {
  return `${bucket}/${name}`;
}

/** What a look for an object finds; undefined: there is no such name, or no more. */
export async function there<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Bytes to deliver. */
export interface FoundBlob {
  /** A promise while the blob is proved (store.ts). */
  blob: SealRecord | Promise<SealRecord>;
  /** What is on record of it, however its proof ends. */
  recorded: (Hashed & { created: number }) | undefined;
  /** The seal that delivering it takes. */
  floor: SealFloor | undefined;
  /** What was found holds while this epoch does. */
  epoch: Epoch;
  /** In a shared bucket: until when it may be served without looking again, milliseconds since 1970. */
  freshUntil?: number;
  /** When it ends in any case, in milliseconds since 1970; absent: never. */
  expires?: number | undefined;
  /** The name that it was asked for by; absent: its digest. */
  at?: Name;
}

/** An object to deliver. */
export interface Found extends FoundBlob {
  ref: Descriptor;
  /** The kind of its bucket: under a write-once name there are never other bytes. */
  kind: BucketKind;
}

/** The digest of what a name points at; undefined where that is nothing, or nothing that can be read. */
export function intactDigest(
  store: Pick<Store, 'blob'>,
  ref: Pick<Descriptor, 'digest'> | undefined,
): string | undefined {
  return ref && store.blob(ref.digest) ? ref.digest : undefined;
}
