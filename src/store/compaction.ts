// Compaction: a journal that mostly says what was removed since is written anew while commits go on. Records
// are read a page at a time, so what the new journal begins with is of no one moment; whatever was committed
// meanwhile is copied behind it, and made again in that order it is the same.

import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Counters } from '../native/addon.ts';
import { freeBytes, NoRoom } from './disk_reserve.ts';
import type { Journal } from './journal.ts';
import { discard, type NewJournal, writeBeside } from './new_journal.ts';
import { type Key, maxBatch, type Range, type StoreRecord, type Table, tables } from './records.ts';
import type { StateChange } from './state.ts';

const mebi = 1024 * 1024;
/** A journal may have so many times the bytes that its records would take, and the slack. */
const times = 2;
const slack = 8 * mebi;
/** Bytes that it grows by between two looks at the number of records. */
const step = mebi;
/** Bytes of a record, its share of the frame included, until a compaction has shown what they are. */
const presumedBytes = 256;
/** The part of the thread that reading the records takes, at most. */
const share = 0.2;
/** Bytes that commits wait for at most, and rounds in which the rest is brought below that. */
const maxRest = 256 * 1024;
const maxRounds = 20;
/** Milliseconds after a failure. */
const retryAfter = 60_000;

/** What the last compaction made, which says how long a record of this store is. */
interface Compacted {
  bytes: number;
  records: number;
}

/** The key of `state` that has it. Where it is lost, the next compaction comes too early or too late. */
const compactedKey = 'compacted';

export interface CompactedMetadata {
  range(table: Table, from: Range): Iterable<{ key: Key; value: unknown }>;
  /** The number of all records. */
  count(): number;
  get(key: string): unknown;
}

export class Compaction {
  readonly #at: { path: string; store: string };
  readonly #meta: CompactedMetadata;
  readonly #onNotice: (said: string) => void;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Bytes of the journal from which on it is worth a look. */
  #from = slack;
  #notBefore = 0;
  #said = '';
  #journal: Journal | undefined;
  /** What this process has made, and whether a commit has written it. */
  #last: Compacted | undefined;
  #isKept = true;
  readonly #counts = { done: 0, failed: 0, heldNs: 0 };

  /** @param at the journal's path, and the store's id. */
  constructor(
    at: { path: string; store: string },
    meta: CompactedMetadata,
    onNotice: (said: string) => void,
  ) {
    this.#at = at;
    this.#meta = meta;
    this.#onNotice = onNotice;
  }

  /** Begins when the journal has become too long. Called between two commits; the last is `sequence`. */
  look(journal: Journal, sequence: number): void {
    this.#journal = journal;
    const { bytes, isSettled } = journal;
    if (this.#running || bytes < this.#from || !isSettled || this.#stop.signal.aborted) return;
    if (performance.now() < this.#notBefore) return;
    this.#from = bytes + step;
    const last = this.#last ?? (this.#meta.get(compactedKey) as Compacted | undefined);
    const perRecord = last?.records ? last.bytes / last.records : presumedBytes;
    if (bytes <= times * this.#meta.count() * perRecord + slack) return;
    this.#running = this.#run(journal, bytes, sequence).finally(() => {
      this.#running = undefined;
    });
  }

  async #run(journal: Journal, from: number, sequence: number): Promise<void> {
    try {
      // LMDB has the last commit for readers of the next turn.
      await setImmediate();
      const made: Compacted = { bytes: 0, records: 0 };
      const { path, store } = this.#at;
      const next = await writeBeside(path, { store, sequence }, this.#pages(made));
      await this.#replace(journal, next, from, made);
      this.#counts.done++;
      this.#from = slack;
      this.#said = '';
      this.#last = made;
      this.#isKept = false;
    } catch (cause) {
      if (this.#stop.signal.aborted) return;
      this.#counts.failed++;
      this.#notBefore = performance.now() + retryAfter;
      this.#tell(cause as Error);
    }
  }

  async #replace(journal: Journal, next: NewJournal, from: number, made: Compacted): Promise<void> {
    try {
      made.bytes = (await next.file.stat()).size;
      let at = from;
      for (let round = 0; journal.bytes - at > maxRest && round < maxRounds; round++) {
        at = await journal.copyTo(next.file, at);
        await next.file.datasync();
        this.#stop.signal.throwIfAborted();
      }
      const began = performance.now();
      await journal.continueIn(next, at);
      this.#counts.heldNs += Math.round((performance.now() - began) * 1e6);
    } catch (cause) {
      await discard(next);
      throw cause;
    }
  }

  async *#pages(made: Compacted): AsyncGenerator<StoreRecord[]> {
    const { signal } = this.#stop;
    for (const table of tables) {
      for (let after: Key | undefined; ; ) {
        const began = performance.now();
        this.#ensureRoom();
        const from = after === undefined ? {} : { start: after, exclusiveStart: true };
        const found = this.#meta.range(table, { ...from, limit: maxBatch });
        const page = [...found].map((each) => ({ table, ...each }));
        made.records += page.length;
        after = page.at(-1)?.key;
        yield page;
        if (page.length < maxBatch) break;
        // Waiting for the disk is none of the thread's time.
        const took = Math.min(performance.now() - began, 100);
        await sleep(took * (1 / share - 1), undefined, { signal });
      }
    }
    signal.throwIfAborted();
  }

  // Commits and uploads need what is left more than this does.
  #ensureRoom(): void {
    const { bavail, bsize } = statfsSync(dirname(this.#at.path));
    if (bavail * bsize < freeBytes) throw new NoRoom();
  }

  #tell(cause: Error): void {
    if (cause.message === this.#said) return;
    this.#said = cause.message;
    this.#onNotice(
      `${this.#at.path}: it has become long and could not be written anew (${cause.message}). Commits go ` +
        'on in it, and it is tried again.',
    );
  }

  /** What the next commit is to write into `state`. */
  get toKeep(): StateChange[] {
    return this.#isKept ? [] : [[compactedKey, this.#last]];
  }

  kept(): void {
    this.#isKept = true;
  }

  counters(): Counters {
    return {
      journal_bytes: this.#journal?.bytes ?? 0,
      'journal_compactions.done': this.#counts.done,
      'journal_compactions.failed': this.#counts.failed,
      journal_held: this.#counts.heldNs,
    };
  }

  /** Resolves when nothing is under way; what was not done is given up. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
