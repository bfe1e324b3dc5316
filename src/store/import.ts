// Import: a directory tree into a bucket. Files are copied and hashed on all cores by maintenance workers;
// names are committed here. What an earlier run imported is skipped, so an interrupted import is taken up by
// running it again.

import { opendir, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { mediaTypeOf } from '../media_type.ts';
import type { Hashed } from '../native/addon.ts';
import { workerUrl } from '../worker_url.ts';
import { checkObjectName } from './names.ts';
import type { Store } from './store.ts';

/** Files on their way for each worker: enough that one is hashed while others are committed together. */
const filesPerWorker = 16;

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
}

export interface ImportOptions {
  store: Store;
  directory: string;
  bucket: string;
  /** Goes before each name; end it with a slash to make a folder of it. */
  prefix: string;
  onProgress?: (progress: ImportProgress) => void;
}

interface Source {
  path: string;
  name: string;
  size: number;
  /** Milliseconds; of the inode, which nobody can set back. */
  changed: number;
}

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
    for await (const { size } of this.#walk(() => this.#result.special++)) {
      this.#progress.totalFiles++;
      this.#progress.totalBytes += size;
    }
    const sources = this.#walk(() => {});
    const takeTurns = async () => {
      for (let next = await sources.next(); !next.done; next = await sources.next())
        await this.#take(next.value);
    };
    await Promise.all(Array.from({ length: concurrency }, takeTurns));
    return this.#result;
  }

  async *#walk(onSpecial: () => void): AsyncGenerator<Source> {
    const { directory, prefix } = this.#options;
    const folders = [''];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for await (const entry of await opendir(join(directory, folder))) {
        const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) folders.push(relative);
        else if (!entry.isFile()) onSpecial();
        else {
          const path = join(directory, relative);
          const { size, ctimeMs } = await stat(path);
          yield { path, name: prefix + relative, size, changed: ctimeMs };
        }
      }
    }
  }

  async #take(source: Source): Promise<void> {
    try {
      if (this.#isUnchanged(source)) this.#result.unchanged++;
      else await this.#import(source);
    } catch (error) {
      this.#result.failures.push({ path: source.path, reason: (error as Error).message });
    }
    this.#progress.files++;
    this.#progress.bytes += source.size;
    this.#options.onProgress?.(this.#progress);
  }

  // The name was written after the source last changed, from as many bytes.
  #isUnchanged({ name, size, changed }: Source): boolean {
    checkObjectName(name);
    const ref = this.#options.store.resolve(this.#options.bucket, name);
    return ref?.deleted === false && ref.size === size && changed < ref.created;
  }

  async #import({ path, name }: Source): Promise<void> {
    const { store, bucket } = this.#options;
    const staging = store.stagingPath();
    try {
      const hashed: Hashed = await this.#pool.run({ source: path, staging });
      await store.commitBlob(staging, hashed);
      const outcome = await store.putRef(bucket, name, {
        digest: hashed.digest,
        mediaType: mediaTypeOf(name),
      });
      if (outcome === 'same') this.#result.unchanged++;
      else this.#result.imported++;
      this.#result.bytes += hashed.size;
    } finally {
      await rm(staging, { force: true });
    }
  }
}
