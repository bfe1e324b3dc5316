// Metadata: what owns LMDB, with the files that it alone uses (environment.ts, state.ts, transaction.ts).
// A record is written once and never updated, and only gc.ts removes records. What changes over time is a
// chain of versions under one key prefix, of which the newest counts.

import { existsSync } from 'node:fs';
import type { Database, RootDatabase } from 'lmdb';
import { syncFile } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import type { Counters } from '../native/addon.ts';
import { ChangedNames } from './changed_names.ts';
import { forgetClosing, noteClosing } from './closing.ts';
import { Commits, type Purpose } from './commits.ts';
import { checkPages, dataPath, dataReserve, journalPath } from './data_file.ts';
import type { DiskReserve } from './disk_reserve.ts';
import { openEnvironment } from './environment.ts';
import type { StoreFormat } from './format.ts';
import { agreedIdentity } from './identity.ts';
import type { Frame } from './journal.ts';
import { Preparation } from './preparation.ts';
import { type Quota, refusals } from './quota.ts';
import { type Key, type Range, type StoreRecord, type Table, tables } from './records.ts';
import { State, type StateChange } from './state.ts';
import { growthOf } from './transaction.ts';
import { type CountedRecords, noUsage, type Usage, UsageCounters } from './usage.ts';

export type { Key, Table };

/** Larger than any version number. */
const beyond = Number.MAX_SAFE_INTEGER;
/** The key behind all versions of a chain, and before every chain with a longer name. */
export function behind(chain: string[]): (string | number)[] {
  return [...chain, beyond];
}

/** Attempts to add a version whose number another writer took first. */
const maxRaces = 1000;

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
  readonly #state: State;
  /** What is looked up of the records by those who count them. */
  readonly counted: CountedRecords = {
    get: (table, key) => this.get(table, key),
    has: (table, key) => this.has(table, key),
  };
  /** The counters, of a process that writes. */
  readonly usage = new UsageCounters(this.counted);
  /** Names whose answers are others than before, of a process that writes. */
  readonly changed: ChangedNames;
  #writing: { commits: Commits; preparation: Preparation; space: DiskReserve } | undefined;

  private constructor(root: string, readOnly: boolean) {
    this.#folder = root;
    const isNew = !existsSync(dataPath(root));
    this.#root = openEnvironment(root, readOnly);
    this.#openTables(isNew);
    this.#state = new State(this.#root.openDB<unknown, string>({ name: 'state', ...encoding }));
    this.changed = new ChangedNames({ state: this.#state, meta: this });
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
    return { id: this.#state.id, isEmpty: this.isEmpty() };
  }

  async #beginWriting(root: string, { id: given, onNotice, format }: WriterOptions): Promise<void> {
    const agreed = given ? { id: given, blobsHaveId: true } : await agreedIdentity(root, this.#identity());
    const space = dataReserve(root);
    if (this.#state.isCounted || this.isEmpty()) this.usage.load(this.#state.usage());
    this.changed.load();
    const preparation = new Preparation(
      { root, ...agreed, journal: journalPath(root) },
      {
        has: (table, key) => this.has(table, key),
        records: () => this.records(),
        range: (table, from) => this.range(table, from),
        count: () => this.#count(),
        get: (key) => this.#state.get(key),
        announce: async () => {
          await format.begin();
          if (tables.every((name) => this.#tables[name])) return;
          space.ensure();
          this.#openTables(true);
        },
        doubt: () => format.doubt(),
        hasId: () => this.#state.id !== undefined,
        sync: () => syncFile(dataPath(root)),
        putId: (id) => {
          space.ensure();
          return this.#state.write([['store', id]]);
        },
        last: () => this.#state.last,
        write: (changes, last, others) => this.#commit(changes, last, others),
      },
      onNotice,
    );
    const target = {
      prepare: async () => {
        await preparation.ensure();
        return this.#state.sequence;
      },
      has: (table: Table, key: Key) => this.has(table, key),
      ensureSpace: (changes: number, bytes: number, frees: boolean) => {
        const more = this.changed.growth(changes, bytes);
        space.ensure(growthOf(changes + more.changes, bytes + more.bytes), frees);
        preparation.journal?.ensureSpace(changes, bytes, frees);
      },
      write: (frame: Frame) => preparation.write(frame),
      refusals: (all: StoreRecord[][]) => this.#refusals(all),
      endOf: () => this.#endOf(),
    };
    const commits = new Commits(target, agreed.id);
    this.#writing = { commits, preparation, space };
    await commits.begin();
  }

  /** The number of all records. */
  #count(): number {
    const counts = tables.map((name) => this.#tables[name]?.getStats() as { entryCount: number } | undefined);
    return counts.reduce((sum, stats) => sum + (stats?.entryCount ?? 0), 0);
  }

  /** Of the journal. */
  counters(): Counters {
    return this.#writing?.preparation.compaction.counters() ?? {};
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
  *range<V>(table: Table, from: Range = {}): Generator<{ key: Key; value: V }> {
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

  async #commit(records: StoreRecord[], last: Frame, others: StateChange[] = []): Promise<void> {
    const counting = this.usage.commit(records, last.sequence);
    const noting = this.changed.commit(records, last.sequence);
    const kept: StateChange[] = [...counting.entries, ...noting.entries, ...others, ['last', last]];
    await noting.around(this.#state.write(kept, () => records.map((each) => this.#change(each))));
    counting.taken();
  }

  #refusals(all: StoreRecord[][]) {
    return refusals(all, {
      records: this.counted,
      usedIn: (bucket) => this.usage.of(bucket),
      quotaOf: (bucket) => this.newest<{ quota?: Quota }>('settings', [bucket])?.value.quota,
    });
  }

  /** What a bucket keeps; undefined: an older version wrote to the store, and nobody has counted since. */
  usageOf(bucket: string): Usage | undefined {
    if (this.#writing) return this.usage.of(bucket);
    return this.#state.isCounted || this.isEmpty() ? (this.#state.usageOf(bucket) ?? noUsage) : undefined;
  }

  /** Where a process that writes keeps what is no record. */
  get state(): Pick<State, 'get' | 'sequence' | 'isCounted'> {
    return this.#state;
  }

  /** Keeps what is no record, beside the last commit; durable when it resolves. False: not at present. */
  async keep(changes: StateChange[]): Promise<boolean> {
    if (!this.#writing?.preparation.journal) return false;
    try {
      this.#writing.space.ensure(growthOf(changes.length, JSON.stringify(changes).length));
      await this.#state.write(changes);
      return true;
    } catch {
      return false;
    }
  }

  #change({ table, key, value }: StoreRecord): Promise<boolean> {
    const its = this.#tables[table];
    if (!its) throw new Error(`the table ${table} was not made`);
    return value === undefined ? its.remove(key) : its.put(key, value);
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
    await this.#writing?.preparation.compaction.stop();
    await this.#writing?.preparation.journal?.close();
    // After a fatal failure LMDB's close() may never settle.
    if (this.#writing?.commits.hasEnded) return;
    await this.#root.close();
    if (this.#writing) noteClosing(this.#folder, dataPath(this.#folder));
    this.#writing = undefined;
  }
}
