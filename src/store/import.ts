// Import: a directory tree into a bucket. Files are copied and hashed on all cores by maintenance workers;
// names are committed here. What an earlier run imported is skipped, so an interrupted import is taken up by
// running it again.

import { type Stats, statSync } from 'node:fs';
import { realpath, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { SealgateError } from '../errors.ts';
import { mediaTypeOf } from '../media_type.ts';
import type { Hashed } from '../native/addon.ts';
import { workerUrl } from '../worker_url.ts';
import { isFull } from './blobs.ts';
import { type Choice, everything, ImportFilter, type Reason } from './import_filter.ts';
import { type Source, type WalkEvents, walk } from './import_walk.ts';
import { checkObjectName } from './names.ts';
import { secretIn } from './secrets.ts';
import type { Store } from './store.ts';

/** Files on their way for each worker: enough that one is hashed while others are committed together. */
const filesPerWorker = 16;
/**
 * Milliseconds by which a file may have changed later than its time says: the clocks of file systems move by
 * ticks, and Deno tells whole seconds.
 */
const timesLag = 1100;

export interface ImportProgress {
  /** Done, skipped ones included. */
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}

export interface ImportResult {
  imported: number;
  /** Their names point at the same bytes already. */
  unchanged: number;
  /** What was left out and why; a folder counts once. */
  leftOut: Partial<Record<Reason, number>>;
  bytes: number;
  failures: { path: string; reason: string }[];
  /** Why it ended before the last file. */
  stopped?: 'store-full' | 'interrupted';
}

export interface ImportOptions {
  store: Store;
  directory: string;
  bucket: string;
  /** Goes before each name; end it with a slash to make a folder of it. */
  prefix: string;
  /** What of the tree; without it, all but links and special files. */
  choice?: Choice;
  /** Nothing is copied and nothing named: hears what would be. The store may be open for reading alone. */
  onDry?: (file: { name: string; size: number; mediaType: string }) => void;
  /** Ends the import once the files on their way are done. */
  signal?: AbortSignal;
  onProgress?: (progress: ImportProgress) => void;
}

/** What a worker copies. With a name, the copy is searched for what nobody means to publish (secrets.ts). */
export interface Copying {
  source: string;
  staging: string;
  guarded?: string;
}

/** A worker's answer: errors lose their code on the way between threads. */
export type Copied = Hashed | { code: string | undefined; message: string };

export async function importDirectory(options: ImportOptions): Promise<ImportResult> {
  const filter = new ImportFilter(options.choice ?? everything, await realpath(options.directory));
  const threads = availableParallelism();
  const pool = new Piscina({
    filename: workerUrl('maintain'),
    maxThreads: threads,
    atomics: 'disabled',
    maxQueue: Number.POSITIVE_INFINITY,
  });
  try {
    return await new Import(options, filter, pool).run(threads * filesPerWorker);
  } finally {
    await pool.destroy();
  }
}

class Import {
  readonly #options: ImportOptions;
  readonly #filter: ImportFilter;
  readonly #pool: Piscina;
  readonly #result: ImportResult = { imported: 0, unchanged: 0, leftOut: {}, bytes: 0, failures: [] };
  readonly #progress: ImportProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };

  constructor(options: ImportOptions, filter: ImportFilter, pool: Piscina) {
    this.#options = options;
    this.#filter = filter;
    this.#pool = pool;
  }

  async run(concurrency: number): Promise<ImportResult> {
    for await (const { path } of this.#walk({})) {
      if (this.#options.signal?.aborted) break;
      this.#progress.totalFiles++;
      this.#progress.totalBytes += await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
    }
    const sources = this.#walk({
      onLeftOut: (reason) => {
        const { leftOut } = this.#result;
        leftOut[reason] = (leftOut[reason] ?? 0) + 1;
      },
      onFailure: (path, error) => this.#fail(path, error),
    });
    const takeTurns = async () => {
      for (let next = await sources.next(); !next.done; next = await sources.next()) {
        if (this.#options.signal?.aborted) this.#result.stopped ??= 'interrupted';
        if (this.#result.stopped !== undefined) return;
        await this.#take(next.value);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, takeTurns));
    return this.#result;
  }

  #walk(on: WalkEvents): AsyncGenerator<Source> {
    return walk(this.#options.directory, this.#filter, on);
  }

  async #take({ path, relative }: Source): Promise<void> {
    const name = this.#options.prefix + relative;
    try {
      const seen = await stat(path);
      if (this.#isUnchanged(name, seen)) this.#result.unchanged++;
      else if (this.#options.onDry) this.#tell(path, name, seen);
      else await this.#import(path, name, seen);
      this.#progress.bytes += seen.size;
    } catch (error) {
      this.#fail(path, error);
    }
    this.#progress.files++;
    this.#options.onProgress?.(this.#progress);
  }

  #tell(path: string, name: string, { size }: Stats): void {
    const secret = this.#filter.guardsSecrets ? secretIn(name, path) : undefined;
    if (secret !== undefined) throw new Error(secret);
    this.#options.onDry?.({ name, size, mediaType: mediaTypeOf(name) });
    this.#result.imported++;
    this.#result.bytes += size;
  }

  #fail(path: string, error: unknown): void {
    if (error instanceof SealgateError && error.code === 'store-full') this.#result.stopped = 'store-full';
    else this.#result.failures.push({ path, reason: reasonOf(path, error) });
  }

  // The name was written after the source last changed, from as many bytes, and these are still there.
  // The time is the inode's, which nobody can set back.
  #isUnchanged(name: string, { size, ctimeMs }: Stats): boolean {
    checkObjectName(name);
    const { store, bucket } = this.#options;
    const ref = store.resolve(bucket, name);
    if (ref === undefined || ref.deleted || store.blob(ref.digest) === undefined) return false;
    return ref.size === size && ctimeMs + timesLag < ref.created;
  }

  async #import(path: string, name: string, seen: Stats): Promise<void> {
    const { store, bucket } = this.#options;
    const staging = store.stagingPath();
    try {
      const guarded = this.#filter.guardsSecrets ? { guarded: name } : {};
      const task: Copying = { source: path, staging, ...guarded };
      const copied: Copied = await this.#pool.run(task);
      if ('message' in copied) throw failureOf(copied);
      await store.commitBlob(staging, copied);
      // Looked at last of all, with nothing between: a later change is later than the name (#isUnchanged).
      if (isChanged(seen, statSync(path))) throw new Error('changed while it was imported');
      const modified = Math.floor(seen.mtimeMs);
      const outcome = await store.putRef(bucket, name, { digest: copied.digest, modified });
      if (outcome === 'same') this.#result.unchanged++;
      else this.#result.imported++;
      this.#result.bytes += copied.size;
    } finally {
      await rm(staging, { force: true });
    }
  }
}

function isChanged(before: Stats, now: Stats): boolean {
  return now.ctimeMs !== before.ctimeMs || now.mtimeMs !== before.mtimeMs || now.size !== before.size;
}

function failureOf({ code, message }: { code: string | undefined; message: string }): Error {
  return isFull(code) ? new SealgateError('store-full') : new Error(message);
}

// A name of other bytes was decoded with a replacement character, and there is no file of that name.
function reasonOf(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' && path.includes('\uFFFD') ? 'its name is not UTF-8' : message;
}
