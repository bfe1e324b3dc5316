// Tables: the tables of records in LMDB.

import type { Database, RootDatabase } from 'lmdb';
import { type Key, type Range, type StoreRecord, type Table, tables } from './records.ts';
import type { CountedRecords } from './usage.ts';

/**
 * An option of msgpackr. By default each value comes with a description of its fields, which takes longer to
 * read than the fields.
 */
export const encoding = { useRecords: false };

// An option that is missing in the package's types.
const making = (create: boolean): object => ({ create });

export class Tables implements CountedRecords {
  readonly #root: RootDatabase;
  /** Those that exist: a store of an older format lacks some until it is first written to. */
  readonly #tables: Partial<Record<Table, Database<unknown, Key>>> = {};

  /** @param makes whether to create missing tables, which writes to the file. */
  constructor(root: RootDatabase, makes: boolean) {
    this.#root = root;
    this.open(makes);
  }

  open(makes: boolean): void {
    for (const name of tables)
      this.#tables[name] ??= this.#root.openDB<unknown, Key>({ name, ...encoding, ...making(makes) });
  }

  get areAll(): boolean {
    return tables.every((name) => this.#tables[name]);
  }

  /** The number of all records. */
  count(): number {
    const counts = tables.map((name) => this.#tables[name]?.getStats() as { entryCount: number } | undefined);
    return counts.reduce((sum, stats) => sum + (stats?.entryCount ?? 0), 0);
  }

  readonly get = <V>(table: Table, key: Key): V | undefined => {
    return this.#tables[table]?.get(key) as V | undefined;
  };

  readonly has = (table: Table, key: Key): boolean => {
    return this.#tables[table]?.doesExist(key) ?? false;
  };

  /** In key order. */
  *range<V>(table: Table, from: Range = {}): Generator<{ key: Key; value: V }> {
    for (const { key, value } of this.#tables[table]?.getRange(from) ?? []) yield { key, value: value as V };
  }

  /** All records. */
  *records(): Generator<StoreRecord> {
    for (const table of tables) {
      for (const { key, value } of this.range(table)) yield { table, key, value };
    }
  }

  change({ table, key, value }: StoreRecord): Promise<boolean> {
    const its = this.#tables[table];
    if (!its) throw new Error(`the table ${table} was not made`);
    return value === undefined ? its.remove(key) : its.put(key, value);
  }
}
