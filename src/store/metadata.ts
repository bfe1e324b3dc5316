// Metadata: what owns LMDB, with the files that it alone uses (environment, tables, state, transaction).
// A record is written once and never updated, and only gc.ts removes records. What changes over time is a
// chain of versions under one key prefix, of which the newest counts.

import { existsSync } from 'node:fs';
import type { RootDatabase } from 'lmdb';
import { syncFile } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import type { Counters } from '../native/addon.ts';
import { Pause } from '../pause.ts';
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
import type { Key, Range, StoreRecord, Table } from './records.ts';
import { State, type StateChange } from './state.ts';
import { encoding, Tables } from './tables.ts';
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
  readonly #tables: Tables;
  readonly #state: State;
  /** What is looked up of the records by those who count them. */
  readonly counted: CountedRecords;
  /** The counters, of a process that writes. */
  readonly usage: UsageCounters;
  /** Names whose answers are others than before, of a process that writes. */
  readonly changed: ChangedNames;
  #writing: { commits: Commits; preparation: Preparation; space: DiskReserve } | undefined;
  #options: WriterOptions | undefined;
  /** While there is one, changes wait. */
  readonly paused = new Pause();
  #end: (why: string) => void = () => {};
  /** Resolves with the reason when this process can do nothing more with the store. */
  readonly ended = new Promise<string>((resolve) => {
    this.#end = resolve;
  });

  private constructor(root: string, readOnly: boolean) {
    this.#folder = root;
    const isNew = !existsSync(dataPath(root));
    this.#root = openEnvironment(root, readOnly);
    this.counted = this.#tables = new Tables(this.#root, isNew);
    this.usage = new UsageCounters(this.counted);
    this.#state = new State(this.#root.openDB<unknown, string>({ name: 'state', ...encoding }));
    this.changed = new ChangedNames({ state: this.#state, meta: this });
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

  async #beginWriting(root: string, options: WriterOptions): Promise<void> {
    const { id: given, onNotice, format } = options;
    this.#options = options;
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
        count: () => this.#tables.count(),
        get: (key) => this.#state.get(key),
        announce: async () => {
          await format.begin();
          if (this.#tables.areAll) return;
          space.ensure();
          this.#tables.open(true);
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
    void commits.ended.then(this.#end);
    await commits.begin();
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

  records(): Generator<StoreRecord> {
    return this.#tables.records();
  }

  get<V>(table: Table, key: Key): V | undefined {
    return this.#tables.get(table, key);
  }

  has(table: Table, key: Key): boolean {
    return this.#tables.has(table, key);
  }

  range<V>(table: Table, from: Range = {}): Generator<{ key: Key; value: V }> {
    return this.#tables.range(table, from);
  }

  /** Durable when it resolves. False: the key is taken, and what it holds stays. */
  putOnce(table: Table, key: Key, value: unknown): Promise<boolean> {
    return this.make([{ table, key, value }]);
  }

  /** See commits.ts. */
  make(changes: StoreRecord[], purpose?: Purpose): Promise<boolean> {
    if (this.paused.over) return this.paused.over.then(() => this.make(changes, purpose));
    if (!this.#writing) throw new SealgateError('store-write-failed', 'The store was opened for reading.');
    return this.#writing.commits.make(changes, purpose);
  }

  async #commit(records: StoreRecord[], last: Frame, others: StateChange[] = []): Promise<void> {
    const counting = this.usage.commit(records, last.sequence);
    const noting = this.changed.commit(records, last.sequence);
    const kept: StateChange[] = [...counting.entries, ...noting.entries, ...others, ['last', last]];
    await noting.around(this.#state.write(kept, () => records.map((each) => this.#tables.change(each))));
    counting.taken();
  }

  #refusals(all: StoreRecord[][]) {
    return refusals(all, {
      records: this.#tables,
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
  get state(): Pick<State, 'get' | 'range' | 'sequence' | 'isCounted'> {
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

  /**
   * The newest version of a chain. Versions are numbered from 1, and the first ones may have been collected.
   * Most chains have only version 1, so two look-ups come first, which are cheaper than a range.
   */
  newest<V>(table: Table, chain: string[]): Version<V> | undefined {
    const first = this.get<V>(table, [...chain, 1]);
    if (first !== undefined && !this.has(table, [...chain, 2])) return { version: 1, value: first };
    const range = { start: behind(chain), end: chain, reverse: true, limit: 1 };
    for (const { key, value } of this.range(table, range)) {
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

  /** Stops writing: what is under way is made, and changes that come wait. */
  async pause(): Promise<void> {
    this.paused.begin();
    await this.#endWriting();
    if (this.#writing) noteClosing(this.#folder, dataPath(this.#folder));
    this.#writing = undefined;
  }

  /** Goes on writing, from what another process may have made of the store meanwhile. */
  async resume(): Promise<void> {
    await forgetClosing(this.#folder);
    this.refresh();
    if (this.#options) await this.#beginWriting(this.#folder, this.#options);
    this.paused.end();
  }

  /** What is read from now on is as new as can be, while another process may write. False: this one does. */
  refresh(): boolean {
    if (!this.#writing) this.#root.resetReadTxn();
    return !this.#writing;
  }

  async #endWriting(): Promise<void> {
    await this.#writing?.commits.idle();
    await this.#writing?.preparation.compaction.stop();
    await this.#writing?.preparation.journal?.close();
  }

  async close(): Promise<void> {
    await this.#endWriting();
    if (this.#writing?.commits.hasEnded) return; // LMDB's close() may never settle then
    await this.#root.close();
    if (this.#writing) noteClosing(this.#folder, dataPath(this.#folder));
    this.#writing = undefined;
  }
}
