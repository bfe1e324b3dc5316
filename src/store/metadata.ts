// Metadata: the one module that owns LMDB. Everything is written once: there is no update and no delete. What
// has to move is a chain of versions under one key prefix, and the newest wins.

import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import { syncFile } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import { addon } from '../native/addon.ts';
import { blobsFolder } from './blobs.ts';
import { forgetClosing, isAsClosed, isBeingWritten, noteClosing } from './closing.ts';
import { Commits } from './commits.ts';
import { DiskReserve } from './disk_reserve.ts';
import { agreedIdentity, idFile } from './identity.ts';
import type { Frame } from './journal.ts';
import { pageFault } from './page_check.ts';
import { Preparation } from './preparation.ts';
import { type Key, type StoreRecord, type Table, tables } from './records.ts';

export type { Key, Table };

/** Above any version number. */
const beyond = Number.MAX_SAFE_INTEGER;
/** The key behind all versions of a chain, and before every chain with a longer name. */
export function behind(chain: string[]): Key {
  return [...chain, beyond];
}

/** Times that a version is tried again because another writer took its number. */
const maxRaces = 1000;

/**
 * Bytes that a commit may add to the file: for each of its records a page in each level of a tree, and what
 * is freed. And what is allocated at a time.
 */
const maxGrowth = 4 * 1024 * 1024;
const ahead = 8 * 1024 * 1024;

/** Bytes of the two pages that LMDB begins a file with, at most. */
const firstPages = 2 * 65536;

export interface Version<V> {
  version: number;
  value: V;
}

export interface WriterOptions {
  /** Of metadata that are made anew for the blobs; absent: what metadata and blobs say. */
  id?: string;
  /** Hears, as a sentence, what was found and mended. */
  onNotice: (said: string) => void;
}

/** The journal of the store at `root`. */
export function journalPath(root: string): string {
  return join(root, 'journal');
}

function dataPath(root: string): string {
  return join(root, 'meta', 'data.mdb');
}

// A file that is not there is made by LMDB; whether it may be empty is for the identity to say. Beside a
// process that writes, what it has checked holds.
function checkPages(root: string, writes: boolean): void {
  const path = dataPath(root);
  if (!existsSync(path)) return;
  const isKnown = isAsClosed(root, path) || (!writes && isBeingWritten(root));
  const fault = pageFault(path, isKnown ? 'top' : 'all');
  if (fault === undefined) return;
  if (writes && isUnfinished(root, path)) {
    renameSync(path, `${path}.unfinished`);
    return;
  }
  throw new Error(
    `${path}: damaged: ${fault}; bring back a backup of the store, or run 'sealgate rebuild' to make the ` +
      'metadata from the journal and the blobs',
  );
}

/**
 * Whether a first start lost its power in the middle: LMDB begins a file with two pages, and before these are
 * on disk the blobs have no id and nothing is acknowledged.
 */
function isUnfinished(root: string, path: string): boolean {
  if (existsSync(idFile(root)) || existsSync(journalPath(root))) return false;
  return statSync(path).size <= firstPages && readdirSync(blobsFolder(root)).length === 0;
}

export class Metadata {
  readonly #folder: string;
  readonly #root: RootDatabase;
  readonly #tables: Record<Table, Database<unknown, Key>>;
  /** `store`: the store's id; `last`: the frame of the last commit, from which the journal is completed. */
  readonly #state: Database<unknown, string>;
  #writing: { commits: Commits; preparation: Preparation } | undefined;

  private constructor(root: string, readOnly: boolean) {
    this.#folder = root;
    addon.explainLostMetadata();
    // overlappingSync: with the default, a killed writer panics the survivors, and a promise does not mean
    // durable. eventTurnBatching: with the default, a commit that fails rejects a promise that nobody can
    // reach, and the process ends.
    this.#root = open({
      path: join(root, 'meta'),
      noSubdir: false,
      maxDbs: 16,
      overlappingSync: false,
      eventTurnBatching: false,
      readOnly,
    });
    // msgpackr's option: else each value has its own description of its fields, which takes longer to read
    // than the fields.
    const encoding = { useRecords: false };
    const openTable = (name: Table) => this.#root.openDB<unknown, Key>({ name, ...encoding });
    this.#tables = { buckets: openTable('buckets'), blobs: openTable('blobs'), refs: openTable('refs') };
    this.#state = this.#root.openDB<unknown, string>({ name: 'state', ...encoding });
  }

  /** Beside a process that writes. Rejects when the blobs are another store's. */
  static async reader(root: string): Promise<Metadata> {
    checkPages(root, false);
    const meta = new Metadata(root, true);
    try {
      await agreedIdentity(root, meta.#identity());
      return meta;
    } catch (cause) {
      await meta.close();
      throw cause;
    }
  }

  /** Of a locked store. */
  static async writer(root: string, options: WriterOptions): Promise<Metadata> {
    checkPages(root, true);
    await forgetClosing(root);
    const meta = new Metadata(root, false);
    try {
      await meta.#beginWriting(root, options);
      return meta;
    } catch (cause) {
      await meta.close();
      throw cause;
    }
  }

  #identity() {
    const id = this.#state?.get('store') as string | undefined;
    const isEmpty = this.records().next().done === true;
    return { id, isEmpty };
  }

  async #beginWriting(root: string, { id: given, onNotice }: WriterOptions): Promise<void> {
    const agreed = given ? { id: given, blobsHaveId: true } : await agreedIdentity(root, this.#identity());
    const space = new DiskReserve(dataPath(root), maxGrowth, ahead);
    const preparation = new Preparation(
      { root, ...agreed, journal: journalPath(root) },
      {
        has: (table, key) => this.#tables[table].doesExist(key),
        records: () => this.records(),
        hasId: () => this.#state?.get('store') !== undefined,
        sync: () => syncFile(dataPath(root)),
        putId: (id) => {
          space.ensure();
          return this.#transaction((state) => [state.put('store', id)]);
        },
        last: () => this.#state?.get('last') as Frame | undefined,
        add: (records, last) => this.#commit(records, last),
      },
      onNotice,
    );
    const target = {
      prepare: async () => {
        await preparation.ensure();
        return (this.#state?.get('last') as Frame | undefined)?.sequence ?? 0;
      },
      has: (table: Table, key: Key) => this.#tables[table].doesExist(key),
      ensureSpace: () => {
        space.ensure();
        preparation.journal?.ensureSpace();
      },
      write: (frame: Frame) => this.#write(frame, preparation),
      endOf: () => this.#endOf(),
    };
    const commits = new Commits(target, agreed.id);
    this.#writing = { commits, preparation };
    await commits.begin();
  }

  /** All there are. */
  *records(): Generator<StoreRecord> {
    for (const table of tables) {
      for (const { key, value } of this.#tables[table].getRange({})) yield { table, key, value };
    }
  }

  get<V>(table: Table, key: Key): V | undefined {
    return this.#tables[table].get(key) as V | undefined;
  }

  /** In key order. */
  *range<V>(table: Table, from: { start?: Key; limit?: number } = {}): Generator<{ key: Key; value: V }> {
    for (const { key, value } of this.#tables[table].getRange(from)) yield { key, value: value as V };
  }

  /** Durable when it resolves. False: the key is taken, and what it holds stays. */
  putOnce(table: Table, key: Key, value: unknown): Promise<boolean> {
    if (!this.#writing) throw new SealgateError('store-write-failed', 'The store was opened for reading.');
    return this.#writing.commits.put({ table, key, value });
  }

  // At the same time, as each waits for the disk.
  async #write(frame: Frame, preparation: Preparation): Promise<Error | undefined> {
    const journal = await preparation.ensure();
    await journal.catchUp();
    const both = [this.#commit(frame.records, frame), journal.append(frame)] as const;
    const [committed, appended] = await Promise.allSettled(both);
    if (committed.status === 'rejected') throw committed.reason;
    return appended.status === 'rejected' ? appended.reason : undefined;
  }

  #commit(records: StoreRecord[], last: Frame): Promise<void> {
    return this.#transaction((state) => [
      ...records.map(({ table, key, value }) => this.#tables[table].put(key, value)),
      state.put('last', last),
    ]);
  }

  async #transaction(puts: (state: Database<unknown, string>) => Promise<boolean>[]): Promise<void> {
    let written: Promise<boolean>[] = [];
    const state = this.#state;
    // A block under a condition is one transaction, whenever LMDB's thread begins.
    const all = state.ifNoExists('absent', () => {
      written = puts(state);
    });
    const outcomes = await Promise.allSettled([all, ...written]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw await reasonOf(failed.reason);
  }

  // LMDB refuses everything after a failed write of the page that says which commit is the last: nobody knows
  // what the disk has. Opened by a new process it is one of the two, and sound.
  #endOf(): string | undefined {
    try {
      this.#root.resetReadTxn();
      this.#state.get('store');
      return undefined;
    } catch (error) {
      return `the metadata can be neither read nor written any more (${(error as Error).message})`;
    }
  }

  /** Why nothing can be written now, tried again. */
  async fault(): Promise<string | undefined> {
    return this.#writing?.commits.fault();
  }

  /** Resolves with the reason when this process can do nothing more with the store. */
  get ended(): Promise<string> {
    return this.#writing?.commits.ended ?? new Promise(() => {});
  }

  /**
   * The newest version of a chain. Versions count from 1 without gaps, and most chains never have a second:
   * looking up two keys is a little cheaper than a range.
   */
  newest<V>(table: Table, chain: string[]): Version<V> | undefined {
    const first = this.get<V>(table, [...chain, 1]);
    if (first === undefined) return undefined;
    if (!this.#tables[table].doesExist([...chain, 2])) return { version: 1, value: first };
    const range = { start: behind(chain), end: chain, reverse: true, limit: 1 };
    for (const { key, value } of this.#tables[table].getRange(range)) {
      return { version: (key as (string | number)[]).at(-1) as number, value: value as V };
    }
    return undefined;
  }

  /**
   * Adds a version on top of the newest. `next` makes it from the newest and is asked again when another
   * writer was faster; undefined adds nothing.
   */
  async append<V>(
    table: Table,
    chain: string[],
    next: (newest: Version<V> | undefined) => V | undefined,
  ): Promise<boolean> {
    for (let race = 0; race < maxRaces; race++) {
      const newest = this.newest<V>(table, chain);
      const value = next(newest);
      if (value === undefined) return false;
      if (await this.putOnce(table, [...chain, (newest?.version ?? 0) + 1], value)) return true;
    }
    throw new SealgateError('store-write-failed', `${chain.join('/')}: too many writers at once.`);
  }

  async close(): Promise<void> {
    await this.#writing?.commits.idle();
    await this.#writing?.preparation.journal?.close();
    // LMDB may wait for ever for what it could not do.
    if (this.#writing?.commits.hasEnded) return;
    await this.#root.close();
    if (this.#writing) noteClosing(this.#folder, dataPath(this.#folder));
    this.#writing = undefined;
  }
}

/** The reason comes as a promise of its own, which may have been settled by another failure or never be. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  if (!commitError) return error;
  const reason: unknown = await Promise.race([commitError.catch((cause: unknown) => cause), setImmediate()]);
  if (!(reason instanceof Error)) return error;
  // LMDB gives the number; the runtimes do not all have a name for EDQUOT.
  const { code } = reason as { code?: unknown };
  const name = Object.entries(constants.errno).find(([, number]) => number === code)?.[0] ?? code;
  return Object.assign(new Error(reason.message, { cause: reason }), { code: name });
}
