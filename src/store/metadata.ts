// Metadata: the one module that uses LMDB. A record is written once and never updated, and only gc.ts removes
// records. What changes over time is a chain of versions under one key prefix, of which the newest counts.

import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import { syncFile } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import { addon } from '../native/addon.ts';
import { forgetClosing, noteClosing } from './closing.ts';
import { Commits, type Purpose } from './commits.ts';
import { checkPages, dataPath, journalPath } from './data_file.ts';
import { DiskReserve } from './disk_reserve.ts';
import type { StoreFormat } from './format.ts';
import { agreedIdentity } from './identity.ts';
import type { Frame } from './journal.ts';
import { Preparation } from './preparation.ts';
import { type Key, type StoreRecord, type Table, tables } from './records.ts';

export type { Key, Table };

/** Larger than any version number. */
const beyond = Number.MAX_SAFE_INTEGER;
/** The key behind all versions of a chain, and before every chain with a longer name. */
export function behind(chain: string[]): Key {
  return [...chain, beyond];
}

/** Attempts to add a version whose number another writer took first. */
const maxRaces = 1000;

/** Bytes of LMDB's pages. */
const page = 4096;
/**
 * Most bytes that a commit adds to the file. Each change writes a page on each level of a tree and may divide
 * one: eight levels are more than 10^7 names of ordinary length have. Large values have pages of their own,
 * the last not full, and are once more in the frame. 64 pages are for LMDB's list of free pages.
 */
export function growthOf(changes: number, bytes: number): number {
  return changes * (8 + 1) * page + 2 * bytes + 64 * page;
}
/** Least bytes kept allocated ahead, and bytes allocated at a time. */
const least = 4 * 1024 * 1024;
const ahead = 16 * 1024 * 1024;

// An option of msgpackr. By default each value comes with a description of its fields, which takes longer to
// read than the fields.
const encoding = { useRecords: false };

// An option that is missing in the package's types.
const making = (create: boolean): object => ({ create });

export interface Version<V> {
  version: number;
  value: V;
}

export interface WriterOptions {
  /** A new id, for metadata that are made anew for the blobs; absent: the id that metadata and blobs hold. */
  id?: string;
  /** Called with a sentence about each fault that was found and mended. */
  onNotice: (said: string) => void;
  /** The store's format, which is written before anything else. */
  format: StoreFormat;
}

export class Metadata {
  readonly #folder: string;
  readonly #root: RootDatabase;
  /** The tables that exist: a store of an older format lacks some until it is first written to. */
  readonly #tables: Partial<Record<Table, Database<unknown, Key>>> = {};
  /** `store`: the store's id; `last`: the frame of the last commit, from which the journal is completed. */
  readonly #state: Database<unknown, string>;
  #writing: { commits: Commits; preparation: Preparation } | undefined;

  private constructor(root: string, readOnly: boolean) {
    this.#folder = root;
    addon.explainLostMetadata();
    // overlappingSync: with the default, a killed writer makes other processes panic, and a settled promise
    // does not mean that the commit is durable. eventTurnBatching: with the default, a failed commit rejects
    // a promise that nobody can reach, and the process ends.
    const isNew = !existsSync(dataPath(root));
    const path = join(root, 'meta');
    const safety = { overlappingSync: false, eventTurnBatching: false };
    try {
      this.#root = open({ path, noSubdir: false, maxDbs: 16, ...safety, readOnly });
    } catch (cause) {
      throw new Error(
        `${path}: the metadata cannot be opened (${(cause as Error).message}); look at the disk, and at ` +
          'who may read and write the folder',
        { cause },
      );
    }
    this.#openTables(isNew);
    this.#state = this.#root.openDB<unknown, string>({ name: 'state', ...encoding });
  }

  /** @param makes whether to create missing tables, which writes to the file. */
  #openTables(makes: boolean): void {
    for (const name of tables)
      this.#tables[name] ??= this.#root.openDB<unknown, Key>({ name, ...encoding, ...making(makes) });
  }

  /**
   * Opens the metadata for reading, beside a process that writes. Rejects when the blobs are another store's.
   */
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

  /** Opens the metadata for writing. The caller holds the lock of the store. */
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
    return { id, isEmpty: this.isEmpty() };
  }

  async #beginWriting(root: string, { id: given, onNotice, format }: WriterOptions): Promise<void> {
    const agreed = given ? { id: given, blobsHaveId: true } : await agreedIdentity(root, this.#identity());
    const space = new DiskReserve(dataPath(root), least, ahead);
    const preparation = new Preparation(
      { root, ...agreed, journal: journalPath(root) },
      {
        has: (table, key) => this.has(table, key),
        records: () => this.records(),
        announce: async () => {
          await format.begin();
          if (tables.every((name) => this.#tables[name])) return;
          space.ensure();
          this.#openTables(true);
        },
        doubt: () => format.doubt(),
        hasId: () => this.#state?.get('store') !== undefined,
        bytes: () => statSync(dataPath(root)).size,
        sync: () => syncFile(dataPath(root)),
        putId: (id) => {
          space.ensure();
          return this.#transaction((state) => [state.put('store', id)]);
        },
        last: () => this.#state?.get('last') as Frame | undefined,
        write: (changes, last) => this.#commit(changes, last),
      },
      onNotice,
    );
    const target = {
      prepare: async () => {
        await preparation.ensure();
        return (this.#state?.get('last') as Frame | undefined)?.sequence ?? 0;
      },
      has: (table: Table, key: Key) => this.has(table, key),
      ensureSpace: (changes: number, bytes: number, frees: boolean) => {
        space.ensure(growthOf(changes, bytes), frees);
        preparation.journal?.ensureSpace(changes, bytes, frees);
      },
      write: (frame: Frame) => this.#write(frame, preparation),
      endOf: () => this.#endOf(),
    };
    const commits = new Commits(target, agreed.id);
    this.#writing = { commits, preparation };
    await commits.begin();
  }

  isEmpty(): boolean {
    // Returns out of the loop, which ends the transaction; while it is open LMDB reuses no page.
    for (const _ of this.records()) return false;
    return true;
  }

  /** All records. */
  *records(): Generator<StoreRecord> {
    for (const table of tables) {
      for (const { key, value } of this.range(table)) yield { table, key, value };
    }
  }

  get<V>(table: Table, key: Key): V | undefined {
    return this.#tables[table]?.get(key) as V | undefined;
  }

  has(table: Table, key: Key): boolean {
    return this.#tables[table]?.doesExist(key) ?? false;
  }

  /** In key order. */
  *range<V>(table: Table, from: { start?: Key; limit?: number } = {}): Generator<{ key: Key; value: V }> {
    for (const { key, value } of this.#tables[table]?.getRange(from) ?? []) yield { key, value: value as V };
  }

  /** Durable when it resolves. False: the key is taken, and what it holds stays. */
  putOnce(table: Table, key: Key, value: unknown): Promise<boolean> {
    return this.make([{ table, key, value }]);
  }

  /** See commits.ts. */
  make(changes: StoreRecord[], purpose?: Purpose): Promise<boolean> {
    if (!this.#writing) throw new SealgateError('store-write-failed', 'The store was opened for reading.');
    return this.#writing.commits.make(changes, purpose);
  }

  // Writes metadata and journal at the same time, since each waits for the disk.
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
      ...records.map((record) => this.#change(record)),
      state.put('last', last),
    ]);
  }

  #change({ table, key, value }: StoreRecord): Promise<boolean> {
    const its = this.#tables[table];
    if (!its) throw new Error(`the table ${table} was not made`);
    return value === undefined ? its.remove(key) : its.put(key, value);
  }

  async #transaction(puts: (state: Database<unknown, string>) => Promise<boolean>[]): Promise<void> {
    let written: Promise<boolean>[] = [];
    const state = this.#state;
    // The block of ifNoExists() is one transaction, whenever LMDB's thread begins it.
    const all = state.ifNoExists('absent', () => {
      written = puts(state);
    });
    const outcomes = await Promise.allSettled([all, ...written]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw await reasonOf(failed.reason);
  }

  // LMDB refuses everything after it failed to write the page that names the last commit, because it cannot
  // know which one the disk has. When a new process opens the file, it has one of the two, and is sound.
  #endOf(): string | undefined {
    try {
      this.#root.resetReadTxn();
      this.#state.get('store');
      return undefined;
    } catch (error) {
      return `the metadata can be neither read nor written any more (${(error as Error).message})`;
    }
  }

  /** Tries to write again, and resolves with the reason when that fails. */
  async fault(): Promise<string | undefined> {
    return this.#writing?.commits.fault();
  }

  /** Resolves with the reason when this process can do nothing more with the store. */
  get ended(): Promise<string> {
    return this.#writing?.commits.ended ?? new Promise(() => {});
  }

  /**
   * The newest version of a chain. Versions are numbered from 1, and the first ones may have been collected.
   * Most chains have only version 1, so two look-ups come first, which are cheaper than a range.
   */
  newest<V>(table: Table, chain: string[]): Version<V> | undefined {
    const first = this.get<V>(table, [...chain, 1]);
    if (first !== undefined && !this.has(table, [...chain, 2])) return { version: 1, value: first };
    const range = { start: behind(chain), end: chain, reverse: true, limit: 1 };
    for (const { key, value } of this.#tables[table]?.getRange(range) ?? []) {
      return { version: (key as (string | number)[]).at(-1) as number, value: value as V };
    }
    return undefined;
  }

  /**
   * Makes changes that depend on existing records. `changes` is called again when another writer was faster.
   * False: it returned none. @param what name of the changed thing, for an error.
   */
  async change(what: string, changes: () => StoreRecord[], purpose?: Purpose): Promise<boolean> {
    for (let race = 0; race < maxRaces; race++) {
      const wanted = changes();
      if (wanted.length === 0) return false;
      if (await this.make(wanted, purpose)) return true;
    }
    throw new SealgateError('store-write-failed', `${what}: too many writers at once.`);
  }

  /** Adds a version, which `next` makes from the newest; when it returns undefined, nothing is added. */
  append<V>(
    table: Table,
    chain: string[],
    next: (newest: Version<V> | undefined) => V | undefined,
    purpose?: Purpose,
  ): Promise<boolean> {
    const changes = () => {
      const newest = this.newest<V>(table, chain);
      const value = next(newest);
      return value === undefined ? [] : [{ table, key: [...chain, (newest?.version ?? 0) + 1], value }];
    };
    return this.change(chain.join('/'), changes, purpose);
  }

  /** Copies all that is committed now, while others write. */
  copyTo(folder: string): Promise<void> {
    return this.#root.backup(folder, false);
  }

  async close(): Promise<void> {
    await this.#writing?.commits.idle();
    await this.#writing?.preparation.journal?.close();
    // After a fatal failure LMDB's close() may never settle.
    if (this.#writing?.commits.hasEnded) return;
    await this.#root.close();
    if (this.#writing) noteClosing(this.#folder, dataPath(this.#folder));
    this.#writing = undefined;
  }
}

/** The reason of a failed commit, which LMDB gives as a promise that may never settle. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  if (!commitError) return error;
  const reason: unknown = await Promise.race([commitError.catch((cause: unknown) => cause), setImmediate()]);
  if (!(reason instanceof Error)) return error;
  // LMDB gives the errno; not every runtime has a name for EDQUOT.
  const { code } = reason as { code?: unknown };
  const name = Object.entries(constants.errno).find(([, number]) => number === code)?.[0] ?? code;
  return Object.assign(new Error(reason.message, { cause: reason }), { code: name });
}
