// Metadata: the one module that owns LMDB. Everything is written once: there is no update and no delete. What
// has to move is a chain of versions under one key prefix, and the newest wins.

import { statfsSync } from 'node:fs';
import { type Database, type Key, open, type RootDatabase } from 'lmdb';
import { SealgateError } from '../errors.ts';

export type { Key };

export type Table = 'buckets' | 'blobs' | 'refs';

/** Above any version number. */
const beyond = Number.MAX_SAFE_INTEGER;
/** The key behind all versions of a chain, and before every chain with a longer name. */
export function behind(chain: string[]): Key {
  return [...chain, beyond];
}

/** Times that a version is tried again because another writer took its number. */
const maxRaces = 1000;

/**
 * Bytes of free disk below which nothing is written. A commit that runs out of disk fails every write that
 * shares it, and LMDB may not survive it: it must not come to that while uploads take what is left.
 */
const reservedBytes = 32 * 1024 * 1024;

export interface Version<V> {
  version: number;
  value: V;
}

export class Metadata {
  readonly #path: string;
  readonly #root: RootDatabase;
  readonly #tables: Record<Table, Database<unknown, Key>>;

  constructor(path: string, readOnly: boolean) {
    this.#path = path;
    // overlappingSync: with the default, a killed writer panics the survivors, and a promise does not mean
    // durable. eventTurnBatching: with the default, a commit that fails rejects a promise that nobody can
    // reach, and the process ends.
    this.#root = open({
      path,
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
  }

  get<V>(table: Table, key: Key): V | undefined {
    return this.#tables[table].get(key) as V | undefined;
  }

  /** In key order. */
  *range<V>(table: Table, from: { start?: Key; limit?: number } = {}): Generator<{ key: Key; value: V }> {
    for (const { key, value } of this.#tables[table].getRange(from)) yield { key, value: value as V };
  }

  /** Durable when it resolves. False: the key is taken, and what it holds stays. */
  async putOnce(table: Table, key: Key, value: unknown): Promise<boolean> {
    if (this.#isFull()) throw new SealgateError('store-full');
    const db = this.#tables[table];
    const write = () => {
      // It fails when the commit does, of which the condition tells.
      db.put(key, value).catch(() => {});
    };
    try {
      return await db.ifNoExists(key, write);
    } catch (cause) {
      // The reason comes as a promise of its own; what LMDB calls an I/O error may be a full disk.
      (cause as { commitError?: Promise<never> }).commitError?.catch(() => {});
      throw new SealgateError(this.#isFull() ? 'store-full' : 'store-write-failed', undefined, { cause });
    }
  }

  #isFull(): boolean {
    const { bavail, bsize } = statfsSync(this.#path);
    return bavail * bsize < reservedBytes;
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
    await this.#root.close();
  }
}
