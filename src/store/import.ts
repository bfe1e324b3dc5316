// Import: a directory tree into a bucket of a store here (store_destination.ts) or of a server. What an
// earlier run imported is skipped, so an interrupted import is taken up by running it again.

import { type Stats, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { namesOf } from '../digest.ts';
import { hasCode } from '../errors.ts';
import type { FileProgress } from '../file_progress.ts';
import { mediaTypeOf } from '../media_type.ts';
import type { Hashed } from '../native/addon.ts';
import { checkedFields, type Said } from '../object_fields.ts';
import { inTurns } from '../turns.ts';
import { type Choice, everything, ImportFilter, type Reason } from './import_filter.ts';
import { exported, type Source, type Told, type WalkEvents, walk } from './import_walk.ts';
import { checkObjectName } from './names.ts';
import { secretIn } from './secrets.ts';
import type { Expiry } from './time_to_live.ts';

export interface ImportResult {
  imported: number;
  /** Files whose names point at the same bytes already. */
  unchanged: number;
  /** How many files and folders were left out, by reason; a folder counts once. */
  leftOut: Partial<Record<Reason, number>>;
  bytes: number;
  failures: { path: string; reason: string }[];
  /** Why it ended before the last file. */
  stopped?: 'store-full' | 'quota-reached' | 'interrupted';
  /** The quota and what is used of it, where that was the reason. */
  quota?: string;
}

/** Where an import brings files: a store here, or a server. */
export interface Destination {
  /** Files on their way at a time. */
  concurrency: number;
  /** Resolves when there is room for a file of this size, with a function that gives the room back. */
  enter?(size: number): Promise<() => void>;
  /** Whether an earlier run imported this file with what is told of it, judging by its inode. */
  has(name: string, seen: Stats, told: Told | undefined, expires: Expiry | undefined): boolean;
  /** Rejects with ImportStopped when every other file would fail for the same reason. */
  bring(file: Arrival): Promise<{ size: number; outcome: 'same' | string }>;
}

export interface Arrival {
  path: string;
  name: string;
  seen: Stats;
  /** Whether files that look like secrets are refused (secrets.ts). */
  guarded: boolean;
  told?: Told | undefined;
  /** When the object is to end. */
  expires: Expiry | undefined;
}

/** The import cannot go on. */
export class ImportStopped extends Error {}

export interface ImportOptions {
  to: Destination;
  directory: string;
  /** Goes before each name; end it with a slash to make a folder of it. */
  prefix: string;
  /** Whether the folder is an export, whose manifest lists what to import (manifest.ts). */
  isExport?: boolean;
  /** Of all files: a manifest's word about one goes before it. */
  said?: Said;
  /** When the objects are to end, each from when it is stored; absent: as their buckets say. */
  expires?: Expiry | undefined;
  /** Which files of the tree; absent: all but links and special files. */
  choice?: Choice;
  /** Set for a dry run: called for each file that would be imported. Nothing is written. */
  onDry?: (file: { name: string; size: number; mediaType: string }) => void;
  /** Ends the import once the files on their way are done. */
  signal?: AbortSignal;
  onProgress?: (progress: FileProgress) => void;
}

export async function importDirectory(options: ImportOptions): Promise<ImportResult> {
  const filter = new ImportFilter(options.choice ?? everything, await realpath(options.directory));
  return new Import(options, filter).run();
}

class Import {
  readonly #options: ImportOptions;
  readonly #filter: ImportFilter;
  readonly #result: ImportResult = { imported: 0, unchanged: 0, leftOut: {}, bytes: 0, failures: [] };
  readonly #progress: FileProgress = { files: 0, bytes: 0, totalFiles: 0, totalBytes: 0 };

  constructor(options: ImportOptions, filter: ImportFilter) {
    this.#options = options;
    this.#filter = filter;
  }

  async run(): Promise<ImportResult> {
    for await (const { path } of this.#walk({})) {
      if (this.#options.signal?.aborted) break;
      this.#progress.totalFiles++;
      this.#progress.totalBytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    }
    const sources = this.#walk({
      onLeftOut: (reason) => {
        const { leftOut } = this.#result;
        leftOut[reason] = (leftOut[reason] ?? 0) + 1;
      },
      onFailure: (path, error) => this.#fail(path, error),
    });
    await inTurns(
      sources,
      this.#options.to.concurrency,
      (source) => this.#take(source),
      () => this.#hasEnded(),
    );
    return this.#result;
  }

  #hasEnded(): boolean {
    if (this.#options.signal?.aborted) this.#result.stopped ??= 'interrupted';
    return this.#result.stopped !== undefined;
  }

  #walk(on: WalkEvents): AsyncGenerator<Source> {
    const { directory, isExport } = this.#options;
    return isExport ? exported(directory) : walk(directory, this.#filter, on);
  }

  async #take({ path, relative, told: its }: Source): Promise<void> {
    const name = this.#options.prefix + relative;
    try {
      const told = together(its, this.#options.said);
      const seen = statSync(path);
      checkObjectName(name);
      const { expires } = this.#options;
      const guarded = this.#filter.guardsSecrets;
      if (this.#options.to.has(name, seen, told, expires)) this.#result.unchanged++;
      else if (this.#options.onDry) this.#tell(path, name, seen, told);
      else if (!(await this.#bring({ path, name, seen, told, expires, guarded }))) return;
      this.#progress.bytes += seen.size;
    } catch (error) {
      if (error instanceof ImportStopped) throw error;
      this.#fail(path, error);
    }
    this.#progress.files++;
    this.#options.onProgress?.(this.#progress);
  }

  #tell(path: string, name: string, { size }: Stats, told: Told | undefined): void {
    const secret = this.#filter.guardsSecrets ? secretIn(name, path) : undefined;
    if (secret !== undefined) throw new Error(secret);
    this.#options.onDry?.({ name, size, mediaType: told?.mediaType ?? mediaTypeOf(name) });
    this.#result.imported++;
    this.#result.bytes += size;
  }

  #fail(path: string, error: unknown): void {
    if (hasCode(error, 'quota-reached'))
      Object.assign(this.#result, { stopped: error.code, quota: error.message });
    else if (hasCode(error, 'store-full')) this.#result.stopped = 'store-full';
    else this.#result.failures.push({ path, reason: reasonOf(path, error) });
  }

  /** False: the import ended before the file's turn came. */
  async #bring(file: Arrival): Promise<boolean> {
    const leave = await this.#options.to.enter?.(file.seen.size);
    try {
      if (this.#hasEnded()) return false;
      const { size, outcome } = await this.#options.to.bring(file);
      if (outcome === 'same') this.#result.unchanged++;
      else this.#result.imported++;
      this.#result.bytes += size;
      return true;
    } finally {
      leave?.();
    }
  }
}

/** What a manifest says of a file, and where it says nothing, what is said of all files. */
function together(its: Told | undefined, all: Said | undefined): Told | undefined {
  if (!its || !all) return its ?? all;
  const meta = { ...all.fields?.meta, ...its.fields?.meta };
  const fields = { ...all.fields, ...its.fields, ...(Object.keys(meta).length > 0 && { meta }) };
  return { ...its, mediaType: its.mediaType ?? all.mediaType, fields: checkedFields(fields) };
}

/** Throws when the bytes are not those that the manifest names. */
export function checkTold({ told }: Arrival, { digest, digests }: Pick<Hashed, 'digest' | 'digests'>): void {
  const check = (name: string, found: string, said: string | undefined) => {
    if (said === undefined || said === found) return;
    throw new Error(`has ${name} ${found}, and the manifest of the export says ${said}`);
  };
  check('SHA-256', digest, told?.digest);
  for (const name of namesOf(digests))
    check(name.toUpperCase(), digests?.[name] as string, told?.digests?.[name]);
}

/** Throws when a file is not what it was when it was first looked at. */
export function checkUnchanged(before: Stats, now: Stats): void {
  if (now.ctimeMs !== before.ctimeMs || now.mtimeMs !== before.mtimeMs || now.size !== before.size)
    throw new Error('changed while it was imported');
}

// A file name that is not UTF-8 was decoded with replacement characters, so no file of the decoded name
// exists.
function reasonOf(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path.includes('\uFFFD')) return 'its name is not UTF-8';
  // The message of this error, which is also for clients, hides the cause.
  const why = code === 'store-write-failed' ? (error as Error).cause : undefined;
  return why instanceof Error ? `${message} (${why.message})` : message;
}
