// State: the table of what a store knows of itself beside its records. docs/store-format.md has its keys.

import type { Database } from 'lmdb';
import type { Frame } from './journal.ts';
import { transact } from './transaction.ts';
import { bucketOf, countedKey, type Usage, usageKey, usageKeys } from './usage.ts';

/** Keys with their new values; undefined: the key goes. */
export type StateChange = [key: string, value: unknown];

export class State {
  /** Absent in a store that nobody has written to. */
  readonly #table: Database<unknown, string> | undefined;

  constructor(table: Database<unknown, string> | undefined) {
    this.#table = table;
  }

  get<V>(key: string): V | undefined {
    return this.#table?.get(key) as V | undefined;
  }

  get id(): string | undefined {
    return this.get('store');
  }

  /** The frame of the last commit. */
  get last(): Frame | undefined {
    return this.get('last');
  }

  /** The number of the last commit. */
  get sequence(): number {
    return this.last?.sequence ?? 0;
  }

  /** Whether the counters were written by the last commit: a program that knows none leaves them behind. */
  get isCounted(): boolean {
    return this.get(countedKey) === this.sequence;
  }

  /** The counters of a bucket; undefined: it keeps nothing. */
  usageOf(bucket: string): Usage | undefined {
    return this.get(usageKey(bucket));
  }

  /** In key order. */
  *range<V>(from: { start: string; end: string }): Generator<{ key: string; value: V }> {
    for (const { key, value } of this.#table?.getRange(from) ?? []) yield { key, value: value as V };
  }

  /** All counters. */
  *usage(): Generator<[bucket: string, usage: Usage]> {
    for (const { key, value } of this.range<Usage>(usageKeys)) yield [bucketOf(key), value];
  }

  /** In one transaction, durably. @param others changes of other tables. */
  async write(changes: readonly StateChange[], others: () => Promise<boolean>[] = () => []): Promise<void> {
    const table = this.#table;
    if (!table) throw new Error('the table state was not made');
    const mine = ([key, value]: StateChange) =>
      value === undefined ? table.remove(key) : table.put(key, value);
    await transact(table, () => [...others(), ...changes.map(mine)]);
  }
}
