// Import: a directory tree into a bucket. Files are copied and hashed on all cores by maintenance workers;
// names are committed here. What an earlier run imported is skipped, so an interrupted import is taken up by
// running it again.

import { type Stats, statSync } from 'node:fs';
import { opendir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { SealgateError } from '../errors.ts';
import { mediaTypeOf } from '../media_type.ts';
import type { Hashed } from '../native/addon.ts';
import { workerUrl } from '../worker_url.ts';
import { isFull } from './blobs.ts';
import { checkObjectName } from './names.ts';
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
  /** Symbolic links, sockets, devices: not followed, not imported. */
  special: number;
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
  /** Ends the import once the files on their way are done. */
  signal?: AbortSignal;
  onProgress?: (progress: ImportProgress) => void;
}

interface Source {
  path: string;
  name: string;
}

/** A worker's answer: errors lose their code on the way between threads. */
export type Copied = Hashed | { code: string | undefined; message: string };

export async function importDirectory(options: ImportOptions): Promise<ImportResult> {
  const threads = availableParallelism();
  const pool = new Piscina({
    filename: workerUrl('maintain'),
    maxThreads: threads,
    atomics: 'disabled',
    maxQueue: Number.POSITIVE_INFINITY,
  });
  try {
    return await new Import(options, pool).run(threads * filesPerWorker);
  } finally {
    await pool.destroy();
  }
}

class Import {
  readonly #options: ImportOptions;
  readonly #pool: Piscina;
  readonly #result: ImportResult = { imported: 0, unchanged: 0, special: 0, bytes: 0, failures: [] };
  readonly #progress: ImportProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };

  constructor(options: ImportOptions, pool: Piscina) {
    this.#options = options;
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
      onSpecial: () => this.#result.special++,
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

  async *#walk(on: {
    onSpecial?: () => void;
    onFailure?: (path: string, error: unknown) => void;
  }): AsyncGenerator<Source> {
    const { directory, prefix } = this.#options;
    const folders = [''];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      try {
        for await (const entry of await opendir(join(directory, folder))) {
          const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
          if (entry.isDirectory()) folders.push(relative);
          else if (entry.isFile()) yield { path: join(directory, relative), name: prefix + relative };
          else on.onSpecial?.();
        }
      } catch (error) {
        on.onFailure?.(join(directory, folder), error);
      }
    }
  }

  async #take(source: Source): Promise<void> {
    try {
      const seen = await stat(source.path);
      if (this.#isUnchanged(source.name, seen)) this.#result.unchanged++;
      else await this.#import(source, seen);
      this.#progress.bytes += seen.size;
    } catch (error) {
      this.#fail(source.path, error);
    }
    this.#progress.files++;
    this.#options.onProgress?.(this.#progress);
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

  async #import({ path, name }: Source, seen: Stats): Promise<void> {
    const { store, bucket } = this.#options;
    const staging = store.stagingPath();
    try {
      const copied: Copied = await this.#pool.run({ source: path, staging });
      if ('message' in copied) throw failureOf(copied);
      await store.commitBlob(staging, copied);
      // Looked at last of all, with nothing between: a later change is later than the name (#isUnchanged).
      if (isChanged(seen, statSync(path))) throw new Error('changed while it was imported');
      const outcome = await store.putRef(bucket, name, {
        digest: copied.digest,
        mediaType: mediaTypeOf(name),
      });
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
