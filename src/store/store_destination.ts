// StoreDestination: files of an import on their way into a store here. Maintenance threads copy and hash
// them; names are committed by this one. Small files are copied many at a time and made durable together.

import { existsSync, type Stats, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { Batches } from '../batches.ts';
import { type DigestName, namesOf } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import type { Hashed } from '../native/addon.ts';
import { differenceOf } from '../object_fields.ts';
import { Places } from '../places.ts';
import { workerUrl } from '../worker_url.ts';
import type { Arrival, Destination } from './import.ts';
import { checkTold, checkUnchanged } from './import.ts';
import type { Told } from './import_walk.ts';
import { maxKeyFileBytes } from './secrets.ts';
import type { Arrived, Store } from './store.ts';
import type { Expiry } from './time_to_live.ts';

/** Large files on their way for each worker: enough that one is hashed while others are committed. */
const largePerWorker = 16;
/** Small files on their way: they share a sync of the disk, and a kill leaves them to be done again. */
const smallAtATime = 2048;
/** Bytes on their way of small files, which are in memory until they are synced. */
const bytesAtATime = 64 * 1024 * 1024;
/** Bytes of a file that is small: it is read at once, and searched for secrets as a whole. */
export const smallBytes = maxKeyFileBytes;
/** Small files that a worker copies in one turn: a few ms. */
const smallPerTurn = 64;
/**
 * Milliseconds by which a file may have changed later than its time says: the clocks of file systems move by
 * ticks, and Deno tells whole seconds.
 */
const timesLag = 1100;

/** What a worker copies. With a name, the copy is searched for what nobody means to publish (secrets.ts). */
export interface Copying {
  source: string;
  staging: string;
  /** To compute besides SHA-256. */
  digests: readonly DigestName[];
  guarded?: string;
}

export interface SmallCopying {
  source: string;
  staging: string;
  digests: readonly DigestName[];
  name: string;
  guarded: boolean;
}

/** A worker's answer: errors lose their code on the way between threads. */
export type Copied = Hashed | { code: string | undefined; message: string };
/** The copy is not durable. */
export type SmallCopied = (Hashed & { suggested: string }) | { code: string | undefined; message: string };

/** Brings files into a bucket of a store, copied and hashed by maintenance threads while `work` lasts. */
export async function intoStore<T>(
  store: Store,
  bucket: string,
  work: (to: Destination) => Promise<T>,
): Promise<T> {
  const threads = availableParallelism();
  const pool = new Piscina({
    filename: workerUrl('maintain'),
    maxThreads: threads,
    // One that waits for the disk is not ended.
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
    maxQueue: Number.POSITIVE_INFINITY,
  });
  try {
    return await work(new StoreDestination({ store, bucket, pool, threads }));
  } finally {
    await pool.destroy();
  }
}

interface Parts {
  store: Store;
  bucket: string;
  pool: Piscina;
  threads: number;
}

class StoreDestination implements Destination {
  readonly concurrency = smallAtATime;
  readonly #parts: Parts;
  readonly #places = new Places(bytesAtATime);
  readonly #small: Batches<SmallCopying, SmallCopied>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { pool, threads } = parts;
    this.#small = new Batches((files) => pool.run(files, { name: 'importSmallFiles' }), {
      most: smallPerTurn,
      atATime: threads,
    });
  }

  enter(size: number): Promise<() => void> {
    const least = bytesAtATime / smallAtATime;
    const large = bytesAtATime / (largePerWorker * this.#parts.threads);
    return this.#places.take(this.#isSmall(size) ? Math.max(size, least) : large);
  }

  #isSmall(size: number): boolean {
    return size <= smallBytes && this.#parts.store.syncsTogether(this.#parts.bucket);
  }

  // The name was written after the source last changed, from as many bytes, and these are still there.
  // The time is the inode's, which nobody can set back.
  has(name: string, { size, ctimeMs }: Stats, told: Told | undefined, expires: Expiry | undefined): boolean {
    const { store, bucket } = this.#parts;
    const ref = store.resolve(bucket, name);
    if (ref === undefined || ref.deleted || store.blob(ref.digest) === undefined) return false;
    if (told && differenceOf(told, ref) !== undefined) return false;
    if (expires !== undefined && ref.expires === undefined) return false;
    if (this.#digestsOf(told).some((each) => ref.digests?.[each] === undefined)) return false;
    return ref.size === size && ctimeMs + timesLag < ref.created;
  }

  async bring(file: Arrival) {
    const { store, bucket } = this.#parts;
    const { path, name, seen } = file;
    const staging = store.stagingPath();
    try {
      const arrived = await this.#copied(file, staging);
      // Looked at last of all, with nothing between: a later change is later than the name (has()).
      const check = () => checkUnchanged(seen, statSync(path));
      checkTold(file, arrived);
      const { mediaType, fields } = file.told ?? {};
      const about = { mediaType, fields, modified: Math.floor(seen.mtimeMs), expires: file.expires, check };
      const outcome = await store.putObject(bucket, name, arrived, about);
      return { size: arrived.size, outcome };
    } finally {
      if (existsSync(staging)) await rm(staging, { force: true });
    }
  }

  /** What is computed of a file: what the bucket wants, and what the manifest knows. */
  #digestsOf(told: Told | undefined): DigestName[] {
    const { store, bucket } = this.#parts;
    return [...new Set([...(store.bucket(bucket)?.digests ?? []), ...namesOf(told?.digests)])];
  }

  async #copied({ path, name, seen, guarded, told }: Arrival, staging: string): Promise<Arrived> {
    const { pool } = this.#parts;
    const digests = this.#digestsOf(told);
    if (this.#isSmall(seen.size)) {
      const copied = await this.#small.run({ source: path, staging, digests, name, guarded });
      if (!('message' in copied)) return { staging, isOneOfMany: true, ...copied };
      // It grew meanwhile.
      if (copied.code !== 'EFBIG') throw failureOf(copied);
    }
    const task: Copying = { source: path, staging, digests, ...(guarded && { guarded: name }) };
    const copied: Copied = await pool.run(task);
    if ('message' in copied) throw failureOf(copied);
    return { staging, ...copied };
  }
}

function failureOf({ code, message }: { code: string | undefined; message: string }): Error {
  return isFull(code) ? new SealgateError('store-full') : new Error(message);
}
