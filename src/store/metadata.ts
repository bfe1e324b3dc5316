// Metadata: the one module that owns LMDB. Records are written once: there is no update, and only gc.ts has
// records removed. What has to move is a chain of versions under one key prefix, and the newest wins.

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

/** Above any version number. */
const beyond = Number.MAX_SAFE_INTEGER;
/** The key behind all versions of a chain, and before every chain with a longer name. */
export function behind(chain: string[]): Key {
  return [...chain, beyond];
}

/** Times that a version is tried again because another writer took its number. */
const maxRaces = 1000;

/** Bytes of LMDB's pages. */
const page = 4096;
/**
 * Bytes that a commit may add to the file. For each change a page in each level of a tree, some of which are
 * divided: eight are more than 10^7 names of ordinary length take. Large values have pages of their own, the
 * last of which is not full; the frame has them once more. And what is freed is written down.
 */
export function growthOf(changes: number, bytes: number): number {
  return changes * (8 + 1) * page + 2 * bytes + 64 * page;
}
/** Bytes that are ahead at least, and bytes that are allocated at a time. */
const least = 4 * 1024 * 1024;
const ahead = 16 * 1024 * 1024;

// msgpackr's option: else each value has its own description of its fields, which takes longer to read than
// the fields.
const encoding = { useRecords: false };

// An option that the package's types lack.
const making = (create: boolean): object => ({ create });

export interface Version<V> {
  version: number;
  value: V;
}

export interface WriterOptions {
  /** The id for metadata that are made anew for the blobs; absent: the one that metadata and blobs hold. */
  id?: string;
  /** Hears, as a sentence, what was found and mended. */
  onNotice: (said: string) => void;
  /** The store's format, which is on disk before anything is written. */
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
    // overlappingSync: with the default, a killed writer panics the survivors, and a promise does not mean
    // durable. eventTurnBatching: with the default, a commit that fails rejects a promise that nobody can
    // reach, and the process ends.
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

  /** @param makes tables that there are not are made, which writes to the file. */
  #openTables(makes: boolean): void {
    for (const name of tables)
      this.#tables[name] ??= this.#root.openDB<unknown, Key>({ name, ...encoding, ...making(makes) });
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
    // A generator that is left in its middle keeps its transaction, and LMDB uses no page again meanwhile.
    for (const _ of this.records()) return false;
    return true;
  }

  /** All there are. */
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
   * The newest version of a chain. Versions count up, and the first ones may have been collected. Most chains
   * have the first and no second: looking up two keys is a little cheaper than a range.
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
   * Makes changes that depend on what is there: they are asked for again when another writer was faster.
   * False: there was nothing to change. @param what it is about, for an error.
   */
  async change(what: string, changes: () => StoreRecord[], purpose?: Purpose): Promise<boolean> {
    for (let race = 0; race < maxRaces; race++) {
      const wanted = changes();
      if (wanted.length === 0) return false;
      if (await this.make(wanted, purpose)) return true;
    }
    throw new SealgateError('store-write-failed', `${what}: too many writers at once.`);
  }

  /** Adds a version on top of the newest, from which `next` makes it; undefined adds nothing. */
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

  /** A copy of all that is committed now, made while others write. */
  copyTo(folder: string): Promise<void> {
    return this.#root.backup(folder, false);
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
