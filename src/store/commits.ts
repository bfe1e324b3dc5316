// Commits: writes changes to the metadata and the journal in batches, one batch at a time. Changes that come
// during a commit wait here for the next: LMDB never settles what is queued behind a commit that fails.

import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import type { Frame } from './journal.ts';
import {
  type Key,
  maxBatch,
  maxBatchBytes,
  maxTogether,
  maxTogetherBytes,
  recordBytes,
  recordName,
  type StoreRecord,
  type Table,
} from './records.ts';
import { bucketsIn } from './usage.ts';

export interface CommitTarget {
  /**
   * Resolves with the number of the last commit when another can be written. Called before each commit until
   * it has resolved once.
   */
  prepare(): Promise<number>;
  has(table: Table, key: Key): boolean;
  /**
   * Throws `store-full`, before anything is written, when there is no space for such a commit.
   * @param frees the commit frees space.
   */
  ensureSpace(changes: number, bytes: number, frees: boolean): void;
  /**
   * Writes a frame to metadata and journal. Rejects when the metadata have none of it. Otherwise resolves,
   * with the error if the journal lacks it.
   */
  write(frame: Frame): Promise<Error | undefined>;
  /** Of each of the changes that go into one commit, in their order: why it may not be made. */
  refusals(all: StoreRecord[][]): (SealgateError | undefined)[];
  /** Why this process can write and read no more; undefined: a write can be tried again. */
  endOf(): string | undefined;
}

/**
 * `frees`: the changes lead to free space, so they may take what a full disk keeps for that. `mends`: they
 * make anew what was there, which no quota refuses.
 */
export type Purpose = 'frees' | 'mends';

interface Waiting {
  /** Changes that are made together or not at all. */
  changes: StoreRecord[];
  bytes: number;
  purpose: Purpose | undefined;
  settle: { resolve: (written: boolean) => void; reject: (cause: unknown) => void };
}

const frees = ({ purpose }: Waiting) => purpose === 'frees';

export class Commits {
  readonly #target: CommitTarget;
  readonly #store: string;
  /** Number of the last commit; undefined until the target is prepared. */
  #sequence: number | undefined;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** Why the last write failed; undefined after one that did not. */
  #fault: string | undefined;
  /** Settles when nothing can be written any more. */
  readonly ended: Promise<string>;
  #end: (why: string) => void = () => {};
  #hasEnded = false;

  constructor(target: CommitTarget, store: string) {
    this.#target = target;
    this.#store = store;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /**
   * Prepares the target before anybody waits for it. A disk that is full or fails is a fault like that of a
   * write: what there is can be read. Rejects with the reason for everything else.
   */
  async begin(): Promise<void> {
    try {
      await this.#prepared();
    } catch (error) {
      const cause = (error as Error).cause ?? error;
      const { code } = cause as NodeJS.ErrnoException;
      if (this.#hasEnded || !(isFull(code) || code === 'EIO' || code === 'store-full')) throw cause;
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Makes all of the changes, durably, or none. False: none, because a record that was to be written is there
   * already, or another change of the same commit came first. Rejects with `record-too-large` what no commit
   * takes.
   */
  make(changes: StoreRecord[], purpose?: Purpose): Promise<boolean> {
    if (changes.length === 0 || changes.length > maxTogether)
      throw new Error(`a commit makes 1 to ${maxTogether} changes, not ${changes.length}`);
    const bytes = recordBytes(changes);
    if (bytes > maxTogetherBytes)
      return Promise.reject(
        new SealgateError(
          'record-too-large',
          `What is to be recorded has ${bytes} bytes; a commit takes ${maxTogetherBytes}. Make names or ` +
            'metadata shorter.',
        ),
      );
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, bytes, purpose, settle: { resolve, reject } });
      this.#running ??= this.#run();
    });
  }

  /** Why writing fails at present, found out by trying again. */
  async fault(): Promise<string | undefined> {
    if (this.#fault === undefined || this.#hasEnded) return this.#fault;
    if (!this.#running) {
      this.#running = this.#commit([]).then(() => this.#run());
    }
    await this.#running;
    return this.#fault;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  // Waits a moment, so that changes of one turn of the event loop share a commit.
  async #run(): Promise<void> {
    await undefined;
    while (this.#waiting.length > 0) await this.#commit(this.#nextBatch());
    this.#running = undefined;
  }

  #nextBatch(): Waiting[] {
    let [count, changes, bytes] = [0, 0, 0];
    for (const each of this.#waiting) {
      changes += each.changes.length;
      bytes += each.bytes;
      if (count > 0 && (changes > maxBatch || bytes > maxBatchBytes)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: Waiting[]): Promise<void> {
    try {
      if (this.#hasEnded) throw new SealgateError('store-write-failed', this.#fault);
      let { fresh, taken } = this.#divide(batch);
      if (fresh.length > 0 || batch.length === 0) {
        if (this.#sequence === undefined) {
          await this.#prepared();
          // Preparing may have replayed the journal, so keys that were free may be taken now.
          ({ fresh, taken } = this.#divide(batch));
        }
        const allowed = this.#allowed(fresh);
        const fitting = allowed.length > 0 || batch.length === 0 ? this.#fitting(allowed) : [];
        if (fitting.length > 0 || batch.length === 0) await this.#write(fitting);
        this.#waiting.unshift(...allowed.filter((each) => frees(each) && !fitting.includes(each)));
        fresh = fitting;
      }
      for (const { settle } of fresh) settle.resolve(true);
      for (const { settle } of taken) settle.resolve(false);
    } catch (cause) {
      for (const { settle } of batch) settle.reject(cause);
    }
  }

  #divide(batch: Waiting[]): { fresh: Waiting[]; taken: Waiting[] } {
    const [fresh, taken]: [Waiting[], Waiting[]] = [[], []];
    const changed = new Set<string>();
    for (const each of batch) {
      const names = each.changes.map(recordName);
      const isTaken = each.changes.some(
        ({ table, key, value }, i) =>
          changed.has(names[i] as string) || (value !== undefined && this.#target.has(table, key)),
      );
      (isTaken ? taken : fresh).push(each);
      if (!isTaken) for (const name of names) changed.add(name);
    }
    return { fresh, taken };
  }

  /** Those of the batch that no quota refuses; the others are rejected. */
  #allowed(batch: Waiting[]): Waiting[] {
    const limited = batch.filter(({ purpose }) => purpose === undefined);
    const refusals = this.#target.refusals(limited.map(({ changes }) => changes));
    const refused = new Map(
      limited.flatMap((each, i) => (refusals[i] ? [[each, refusals[i]] as const] : [])),
    );
    for (const [{ settle }, cause] of refused) settle.reject(cause);
    return batch.filter((each) => !refused.has(each));
  }

  /**
   * The changes of the batch that there is space for. On a full disk these are changes that free space, as
   * many as fit; the others are rejected. Throws when there is space for none.
   */
  #fitting(batch: Waiting[]): Waiting[] {
    const freeing = batch.filter(frees);
    if (freeing.length < batch.length || batch.length === 0) {
      try {
        this.#ensureSpace(batch, false);
        return batch;
      } catch (cause) {
        if (freeing.length === 0) throw cause;
        for (const each of batch) if (!frees(each)) each.settle.reject(cause);
      }
    }
    for (let some = freeing; ; some = some.slice(0, Math.ceil(some.length / 2))) {
      try {
        this.#ensureSpace(some, true);
        return some;
      } catch (cause) {
        if (some.length === 1) throw cause;
      }
    }
  }

  #ensureSpace(batch: Waiting[], frees: boolean): void {
    const all = batch.flatMap(({ changes }) => changes);
    // And the counters of each bucket, the number of the commit, and what a compaction of the journal made.
    const count = all.length + bucketsIn(all).size + 2;
    const size = batch.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#target.ensureSpace(count, size, frees);
  }

  async #write(batch: Waiting[]): Promise<void> {
    const sequence = (await this.#prepared()) + 1;
    const records = batch.flatMap(({ changes }) => changes);
    try {
      const unwritten = await this.#target.write({ sequence, store: this.#store, records });
      this.#sequence = sequence;
      if (unwritten) throw unwritten;
      this.#fault = undefined;
    } catch (cause) {
      throw this.#failed(cause, 'the last write failed');
    }
  }

  async #prepared(): Promise<number> {
    if (this.#sequence !== undefined) return this.#sequence;
    try {
      this.#sequence = await this.#target.prepare();
      this.#fault = undefined;
      return this.#sequence;
    } catch (cause) {
      throw this.#failed(cause, 'the store could not be made ready for writing');
    }
  }

  #failed(cause: unknown, what: string): SealgateError {
    const end = this.#target.endOf();
    this.#fault = end ?? `${what}: ${(cause as Error).message}`;
    if (end !== undefined) {
      this.#hasEnded = true;
      this.#end(end);
    }
    if (cause instanceof SealgateError) return cause;
    const { code } = cause as NodeJS.ErrnoException;
    return new SealgateError(isFull(code) ? 'store-full' : 'store-write-failed', undefined, { cause });
  }
}
