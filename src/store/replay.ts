// Replay: the changes of a journal made again, in their order and in few commits. What is there already is
// left as it is, so that a replay which was killed in the middle is done by beginning anew.

import {
  type Key,
  maxBatch,
  maxBatchBytes,
  recordBytes,
  recordName,
  type StoreRecord,
  type Table,
} from './records.ts';

export interface ReplayTarget {
  has(table: Table, key: Key): boolean;
  /** In one commit. */
  write(changes: StoreRecord[]): Promise<void>;
}

export class Replay {
  readonly #target: ReplayTarget;
  #waiting: StoreRecord[] = [];
  #bytes = 0;
  /** By record: whether it is there once what waits was written. */
  readonly #willBe = new Map<string, boolean>();
  /** Changes that were still to be made. */
  made = 0;

  constructor(target: ReplayTarget) {
    this.#target = target;
  }

  /** Changes that belong to one commit stay together. */
  async add(changes: StoreRecord[]): Promise<void> {
    const sizes = changes.map((change) => recordBytes([change]));
    const most = sizes.reduce((sum, size) => sum + size, this.#bytes);
    const isFull = this.#waiting.length + changes.length > maxBatch || most > maxBatchBytes;
    if (isFull || changes.some((change) => this.#comesBack(change))) await this.flush();
    for (const [index, change] of changes.entries()) {
      const name = recordName(change);
      const isThere = this.#willBe.get(name) ?? this.#target.has(change.table, change.key);
      const shallBe = change.value !== undefined;
      if (isThere === shallBe) continue;
      this.#willBe.set(name, shallBe);
      this.#waiting.push(change);
      this.#bytes += sizes[index] as number;
      this.made++;
    }
  }

  // What is removed and then made again takes two commits: one makes nothing of what is there already.
  #comesBack(change: StoreRecord): boolean {
    return change.value !== undefined && this.#willBe.get(recordName(change)) === false;
  }

  async flush(): Promise<void> {
    const changes = this.#waiting;
    if (changes.length === 0) return;
    await this.#target.write(changes);
    this.#waiting = [];
    this.#bytes = 0;
    this.#willBe.clear();
  }
}
