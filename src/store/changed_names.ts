// ChangedNames: a queue of the names whose answers are others than before, for those who have to tell caches.
// An entry is written in the commit that changes the names, so a kill loses none, and it stays until every
// reader has done with it. docs/store-format.md says how it stands in `state`.

import { maxFieldBytes } from '../object_fields.ts';
import type { Metadata } from './metadata.ts';
import { bytesOf, maxNotedBytes, type NotedName, notedNames } from './noted_names.ts';
import type { StoreRecord } from './records.ts';
import type { State, StateChange } from './state.ts';

/** A name that changed; without a bucket, the digest of bytes that are gone. */
export interface ChangedName {
  bucket: string;
  name: string;
  /** The version that it has now. 1: there was none before. 0: its bytes are gone. */
  version: number;
  /** The tags that the answers before and now have, with blanks between them; absent: none. */
  tags?: string;
}

/** What a reader has to do next. */
export interface Changes {
  names: ChangedName[];
  /** Why all names have to be taken for changed; absent: only these are. */
  everything?: string;
  /** What to call `done` with. */
  upTo: number;
}

export interface Waiting {
  names: number;
  /** When the change that waits longest was made, milliseconds since the epoch; absent: none waits. */
  since?: number;
  /** Why all names count as changed; absent: they do not. */
  everything?: string;
}

/** As it is on record. */
type Entry = { at: number } & ({ names: NotedName[] } | { everything: string });

interface Queued {
  at: number;
  names: number;
  everything?: string;
}

/** What is kept of the queue as a whole, with each commit. */
interface Head {
  /** The number of the commit that wrote it. */
  sequence: number;
  /** The number of the next entry. */
  next: number;
  /** Buckets whose names count; absent: all. */
  buckets?: string[];
}

/** What a commit writes of the queue. */
interface Noting {
  entries: StateChange[];
  /** Settles as the write of the commit does, once the queue is as the commit has left it. */
  around(write: Promise<void>): Promise<void>;
}
const noting: Noting = { entries: [], around: (write) => write };

/** Where the queue stands. */
interface Kept {
  state: Pick<State, 'get' | 'range' | 'sequence'>;
  meta: Metadata;
}

const headKey = 'changes';
const entryPrefix = 'changes/';
const entryKey = (number: number) => entryPrefix + String(number).padStart(16, '0');
const readerPrefix = 'changesRead/';
/** In key order, all that begin with a prefix: `0` is the character behind the slash. */
const under = (prefix: string) => ({ start: prefix, end: `${prefix.slice(0, -1)}0` });

/** Most bytes of all entries together. */
const maxQueueBytes = 64 * 1024 * 1024;
/** Entries that are removed in one transaction. */
const removedAtOnce = 500;
const nothingTold = 'nothing was told before';
export class ChangedNames {
  readonly #state: Kept['state'];
  readonly #meta: Metadata;
  /** Undefined: nobody reads, and nothing is written. */
  #head: Head | undefined;
  /** By number, ascending. One number follows the other, but for a few that no commit took. */
  #entries = new Map<number, Queued & { bytes: number }>();
  /** No entry has a lower number. */
  #oldest = 0;
  /** The newest entry that says everything. */
  #all: { number: number; why: string } | undefined;
  #names = 0;
  #bytes = 0;
  /** By reader, the last entry that it has done with; -1: all names are to be taken for changed first. */
  readonly #read = new Map<string, number>();
  #maxNames = Number.POSITIVE_INFINITY;
  /** The number of the newest entry, while it says everything and nobody has begun to act on it. */
  #coveredBy: number | undefined;
  /** Why a change may be missing. */
  #missed: string | undefined;
  #onChange: () => void = () => {};
  /** A commit is under way: what is written of the queue meanwhile may come before it. */
  #isCommitting = false;
  #isHeadDue = false;
  /** The last entry that is on record. */
  #newest = 0;

  constructor({ state, meta }: Kept) {
    this.#state = state;
    this.#meta = meta;
  }

  /** Call it before anything is committed. */
  load(): void {
    this.#entries.clear();
    this.#read.clear();
    this.#all = this.#coveredBy = this.#missed = undefined;
    this.#names = this.#bytes = 0;
    this.#head = this.#state.get<Head>(headKey);
    if (!this.#head) return;
    for (const { key, value } of this.#state.range<Entry>(under(entryPrefix)))
      this.#add(Number(key.slice(entryPrefix.length)), value);
    for (const { key, value } of this.#state.range<number>(under(readerPrefix)))
      this.#read.set(key.slice(readerPrefix.length), value);
    const [newest = 0, last] = [...this.#entries].at(-1) ?? [];
    if (last?.everything !== undefined) this.#coveredBy = newest;
    // No number is used twice, whatever was written last.
    this.#newest = Math.max(this.#head.next - 1, newest, ...this.#read.values());
    this.#head.next = this.#newest + 1;
    if (this.#head.sequence !== this.#state.sequence)
      this.#missed = 'a program that does not know this queue has written to the store';
  }

  /** What a commit of so many changes and bytes writes beside them at most. */
  growth(changes: number, bytes: number): { changes: number; bytes: number } {
    if (!this.#head) return { changes: 0, bytes: 0 };
    return { changes: 2, bytes: Math.min(maxNotedBytes, bytes + changes * maxFieldBytes) };
  }

  /** What a commit has to write beside its records. @param sequence the number of the commit. */
  commit(records: readonly StoreRecord[], sequence: number): Noting {
    const head = this.#head;
    if (!head) return noting;
    this.#isCommitting = true;
    const entry = this.#entryOf(records);
    const next = { ...head, sequence, next: head.next + Number(entry !== undefined) };
    return {
      entries: [[headKey, next], ...(entry ? [[entryKey(head.next), entry] as StateChange] : [])],
      around: async (write) => {
        try {
          await write;
          this.#made(next, head.next, entry);
        } finally {
          this.#settled();
        }
      },
    };
  }

  #made(next: Head, number: number, entry: Entry | undefined): void {
    this.#head = { ...next, ...(this.#head?.buckets && { buckets: this.#head.buckets }) };
    if (!entry) return;
    this.#add(number, entry);
    if ('everything' in entry) {
      this.#coveredBy = number;
      this.#missed = undefined;
    }
    this.#onChange();
  }

  #settled(): void {
    this.#isCommitting = false;
    if (this.#missed !== undefined) void this.everything(this.#missed);
    if (this.#isHeadDue) void this.#keepHead();
  }

  #entryOf(records: readonly StoreRecord[]): Entry | undefined {
    const at = Date.now();
    if (this.#missed !== undefined) return { at, everything: this.#missed };
    // Whoever acts on the newest entry does so after this commit.
    if (this.#coveredBy !== undefined) return undefined;
    const names = notedNames(this.#meta, records, this.#head?.buckets);
    if (names === undefined)
      return { at, everything: 'more names changed at once than are noted one by one' };
    if (names.length === 0) return undefined;
    if (this.#names + names.length > this.#maxNames || this.#bytes > maxQueueBytes)
      return { at, everything: `more than ${this.#maxNames} changes waited` };
    return { at, names };
  }

  #add(number: number, entry: Entry): void {
    const names = 'names' in entry ? entry.names : [];
    const bytes = names.reduce((sum, each) => sum + bytesOf(each), 0);
    const said = 'everything' in entry && { everything: entry.everything };
    if (this.#entries.size === 0) this.#oldest = number;
    this.#entries.set(number, { at: entry.at, names: names.length, bytes, ...said });
    if ('everything' in entry) this.#all = { number, why: entry.everything };
    this.#names += names.length;
    this.#bytes += bytes;
    this.#newest = Math.max(this.#newest, number);
  }

  /**
   * Keeps the queue for these readers and no others. One that is new begins with everything.
   * @param buckets whose names count; undefined: all.
   * @param onChange called when there is something to read.
   */
  async watch(
    readers: readonly string[],
    buckets: ReadonlySet<string> | undefined,
    { maxNames, onChange }: { maxNames: number; onChange: () => void },
  ): Promise<void> {
    this.#maxNames = maxNames;
    this.#onChange = onChange;
    if (readers.length === 0) return this.#end();
    this.follow(buckets);
    for (const reader of this.#read.keys()) if (!readers.includes(reader)) await this.#forget(reader);
    for (const reader of readers) if (!this.#read.has(reader)) this.#read.set(reader, -1);
    if (this.#missed !== undefined) await this.everything(this.#missed);
    await this.#keepHead();
    await this.#trim();
  }

  /** The names of these buckets count from now on. */
  follow(buckets: ReadonlySet<string> | undefined): void {
    const { buckets: _, ...head } = this.#head ?? { sequence: this.#state.sequence, next: 1 };
    this.#head = { ...head, ...(buckets && { buckets: [...buckets].sort() }) };
  }

  async #keepHead(): Promise<void> {
    this.#isHeadDue = this.#isCommitting;
    if (this.#head && !this.#isCommitting) await this.#meta.keep([[headKey, this.#head]]);
  }

  async #end(): Promise<void> {
    this.#head = undefined;
    for (const reader of [...this.#read.keys()]) await this.#forget(reader);
    await this.#remove([...this.#entries.keys()]);
    if (this.#state.get(headKey) !== undefined) await this.#meta.keep([[headKey, undefined]]);
  }

  async #forget(reader: string): Promise<void> {
    this.#read.delete(reader);
    await this.#meta.keep([[readerPrefix + reader, undefined]]);
  }

  /** Has every reader take all names for changed. */
  async everything(why: string): Promise<void> {
    const head = this.#head;
    if (!head || this.#coveredBy !== undefined) return;
    this.#missed = this.#isCommitting ? why : undefined;
    if (this.#isCommitting) return;
    const entry: Entry = { at: Date.now(), everything: why };
    const next = { ...head, next: head.next + 1 };
    this.#head = next;
    this.#add(head.next, entry);
    this.#coveredBy = head.next;
    const isKept = await this.#meta.keep([
      [headKey, next],
      [entryKey(head.next), entry],
    ]);
    if (!isKept) this.#missed = why;
    this.#onChange();
  }

  /** What a reader has to act on; undefined: nothing. @param most names, but for those of one commit. */
  next(reader: string, most: number): Changes | undefined {
    const read = this.#read.get(reader);
    if (read === undefined) return undefined;
    if (this.#all && this.#all.number > read) return this.#allUpTo(this.#all.number, this.#all.why);
    if (read === -1) return this.#allUpTo(this.#newest, nothingTold);
    const changes: Changes = { names: [], upTo: read };
    for (const [number, { names }] of this.#between(read, this.#newest)) {
      if (changes.names.length > 0 && changes.names.length + names > most) break;
      const entry = this.#state.get<Entry>(entryKey(number));
      if (entry && 'names' in entry)
        for (const [bucket, name, version, tags] of entry.names)
          changes.names.push({ bucket, name, version, ...(tags !== undefined && { tags }) });
      changes.upTo = number;
    }
    return changes.upTo === read ? undefined : changes;
  }

  // What is committed from now on may come too late for it.
  #allUpTo(upTo: number, everything: string): Changes {
    this.#coveredBy = undefined;
    return { names: [], everything, upTo };
  }

  /** A reader has acted on all up to an entry. */
  async done(reader: string, upTo: number): Promise<void> {
    this.#read.set(reader, upTo);
    await this.#meta.keep([[readerPrefix + reader, upTo]]);
    await this.#trim();
  }

  waiting(reader: string): Waiting {
    const read = this.#read.get(reader) ?? 0;
    const why = this.#all && this.#all.number > read ? this.#all.why : undefined;
    const everything = why ?? (read === -1 ? nothingTold : undefined);
    let names = 0;
    let since: number | undefined;
    for (const [, each] of this.#between(read, this.#newest)) {
      names += each.names;
      since ??= each.at;
    }
    return {
      names,
      ...(since !== undefined && { since }),
      ...(everything !== undefined && { everything }),
    };
  }

  // Not from the first on: those that one reader has left behind may be a hundred thousand.
  *#between(after: number, upTo: number): Generator<[number: number, entry: Queued]> {
    for (let number = Math.max(after + 1, this.#oldest); number <= upTo; number++) {
      const entry = this.#entries.get(number);
      if (entry) yield [number, entry];
    }
  }

  /** Entries that every reader has done with, and those that a later one of everything stands for. */
  async #trim(): Promise<void> {
    const upTo = Math.max(Math.min(...this.#read.values()), (this.#all?.number ?? 0) - 1);
    await this.#remove([...this.#between(-1, Math.min(upTo, this.#newest))].map(([number]) => number));
  }

  async #remove(numbers: number[]): Promise<void> {
    for (let at = 0; at < numbers.length; at += removedAtOnce) {
      const some = numbers.slice(at, at + removedAtOnce);
      if (!(await this.#meta.keep(some.map((number) => [entryKey(number), undefined])))) return;
      for (const number of some) {
        const gone = this.#entries.get(number);
        this.#names -= gone?.names ?? 0;
        this.#bytes -= gone?.bytes ?? 0;
        this.#entries.delete(number);
        this.#oldest = number + 1;
        if (this.#all?.number === number) this.#all = undefined;
      }
    }
  }
}
