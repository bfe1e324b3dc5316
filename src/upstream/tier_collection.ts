// TierCollection: a round that removes from a shared store (tier.ts) the blobs that no record names. What is
// unnamed is marked first, and removed by a round that begins the grace time later and finds it unnamed
// still. docs/scale-out.md says why nothing is lost by that, whatever is killed and whoever else collects.

import { setTimeout as wait } from 'node:timers/promises';
import { hasCode, SealgateError } from '../errors.ts';
import { type Clock, hostClock, Pace } from '../store/pace.ts';
import { KeySet } from './key_set.ts';
import { blobKey, blobsBegin, recordsBegin, type Tier } from './tier.ts';
import { type Begun, beginRound } from './tier_gc_state.ts';
import { type Listed, listed } from './tier_listing.ts';
import { type Answered, type Mark, Marks, marksBegin } from './tier_marks.ts';
import { isDeleted, readRecord } from './tier_record.ts';
import type { Asked } from './upstream.ts';

export interface RoundOptions {
  graceSeconds: number;
  /** Most requests a second. */
  requestsPerSecond: number;
  /** Whether nothing is written, and what would be done is counted. */
  dryRun: boolean;
  signal: AbortSignal;
  /** Whether this grace time takes the place of another one that is recorded in the store. */
  changesGrace?: boolean;
  /** Seconds: no round when one began so lately, at whichever server. */
  unlessWithin?: number;
  /** For which a deletion counts, by the clock of the store, from when it was found that something may go. */
  deletionSeconds?: number;
}

export interface Counted {
  blobs: number;
  bytes: number;
}

/** What a round found and did; in a dry run what it would do. */
export interface SharedRound {
  /** No round was made: another one began lately. */
  skipped: boolean;
  records: number;
  blobs: number;
  removed: Counted;
  /** Unnamed, and marked by this round. */
  marked: Counted;
  /** Unnamed, and marked or written too lately. */
  waiting: Counted;
  /** Unnamed blobs that a writer counted on in time. */
  spared: number;
  failed: { key: string; why: string }[];
}

/** Names of which the digests are kept, 23 to 68 bytes of memory each (key_set.ts). */
const mostNames = 50_000_000;
/** Records that are read at a time. */
const atATime = 8;
/** Blobs that are not removed for a reason each, after which a round ends. */
const mostFailures = 20;
/** Milliseconds: HTTP tells times in whole seconds, and clocks of gateways differ a little. */
const slackMs = 2000;
/** Milliseconds for which a name that has ended counts longer: servers' clocks may be wrong by so much. */
const clocksMs = 900_000;
/** Seconds for which a deletion counts. */
const usualDeletion = 60;
const keyPattern = /^[0-9a-f]{64}(?:\.[0-9a-f]{16})?$/;

/** A command has nothing else to do, and is not to end meanwhile. */
const clock: Clock = {
  ...hostClock,
  sleep: (milliseconds, signal) => wait(milliseconds, undefined, { signal }),
};

/** Rejects with what went wrong and where; then nothing more is removed. */
export async function collectTier(tier: Tier, options: RoundOptions): Promise<SharedRound> {
  try {
    return await new Round(tier, options).run();
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason;
    throw new Error(`upstream ${tier.name} (${tier.root}): ${(cause as Error).message}`, { cause });
  }
}

class Round {
  readonly #options: RoundOptions;
  readonly #send: (asked: Asked) => Promise<Answered>;
  readonly #marks: Marks;
  readonly #named = new KeySet(mostNames);
  readonly #found: SharedRound = {
    ...{ skipped: false, records: 0, blobs: 0, spared: 0, failed: [] },
    ...{ removed: none(), marked: none(), waiting: none() },
  };
  /** When it began, by the store's clock. */
  #began = 0;

  constructor(tier: Tier, options: RoundOptions) {
    this.#options = options;
    const pace = new Pace(options.requestsPerSecond, clock);
    this.#send = async (asked) => {
      // What is to be deleted was just found to be condemned: that is paid for with the next request.
      if (!asked.counts) await pace.take(1, options.signal);
      const sent = tier.send(asked).catch((cause) => {
        throw new Error(`${asked.method} ${asked.path}: ${reasonOf(cause)}`, { cause });
      });
      return unlessAborted(sent, options.signal);
    };
    this.#marks = new Marks(this.#send);
  }

  async run(): Promise<SharedRound> {
    const begun: Begun = await beginRound(this.#send, this.#options);
    this.#began = begun.at;
    if (begun.isOther) return { ...this.#found, skipped: true };
    await this.#readNames();
    await this.#sweep();
    return this.#found;
  }

  async #readNames(): Promise<void> {
    let group: string[] = [];
    const readAll = async () => {
      await Promise.all(group.map((key) => this.#readName(key)));
      group = [];
    };
    for await (const { key } of listed(this.#send, recordsBegin)) {
      group.push(key);
      if (group.length >= atATime) await readAll();
    }
    await readAll();
  }

  async #readName(key: string): Promise<void> {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const { status, text } = await this.#send({ method: 'GET', path, fields: {} });
    // Nobody removes records.
    if (status !== 200) throw new Error(`GET ${path}: a record that was listed is answered with ${status}`);
    const record = recordAt(path, text);
    this.#found.records++;
    if (isDeleted(record)) return;
    const { digest, place, expires = Number.POSITIVE_INFINITY } = record;
    if (!this.#isOld(expires + clocksMs)) this.#named.add(blobKey(digest, place));
  }

  /** Passes blobs and marks, both in the order of their keys. */
  async #sweep(): Promise<void> {
    const marks = listed(this.#send, marksBegin);
    const nextMark = async () => (await marks.next()).value?.key.slice(marksBegin.length);
    let mark = await nextMark();
    for await (const blob of listed(this.#send, blobsBegin)) {
      const key = blob.key.slice(blobsBegin.length);
      this.#found.blobs++;
      if (this.#found.records === 0)
        throw new Error('it has blobs and no record of a name, as if it were not all there');
      for (; mark !== undefined && mark < key; mark = await nextMark()) await this.#drop(mark, true);
      const isMarked = mark === key;
      if (isMarked) mark = await nextMark();
      if (keyPattern.test(key)) await this.#noting(key, () => this.#judge(key, blob, isMarked));
    }
    for (; mark !== undefined; mark = await nextMark()) await this.#drop(mark, true);
  }

  async #judge(key: string, blob: Listed, isMarked: boolean): Promise<void> {
    if (this.#named.has(key)) {
      if (isMarked) await this.#drop(key, false);
      return;
    }
    const mark = isMarked ? await this.#marks.read(key) : undefined;
    if (mark?.state === 'unreadable') throw new Error(`GET ${marksBegin}${key}: its mark cannot be read`);
    // A mark that is older than its blob is of one that was removed otherwise.
    if (!this.#isOld(blob.modified) || (mark && !this.#isOldMark(mark))) {
      count(this.#found.waiting, blob);
      return;
    }
    if (mark?.state === 'candidate') await this.#remove(key, blob, mark);
    else await this.#mark(key, blob, mark);
  }

  /** Marks a blob. A mark that is there has been left behind: whoever turned it has done what it was for. */
  async #mark(key: string, blob: Listed, mark: Mark | undefined): Promise<void> {
    const isDone =
      this.#options.dryRun ||
      (mark ? (await this.#marks.turn(key, mark, 'candidate')) !== undefined : await this.#marks.begin(key));
    if (isDone) count(this.#found.marked, blob);
    else this.#found.spared++;
  }

  async #remove(key: string, blob: Listed, mark: Mark): Promise<void> {
    if (!this.#options.dryRun) {
      const from = await this.#marks.turn(key, mark, 'condemned');
      if (from === undefined) {
        this.#found.spared++;
        return;
      }
      await this.#delete(blobsBegin + key, from);
      await this.#noting(key, () => this.#delete(marksBegin + key, from));
    }
    count(this.#found.removed, blob);
  }

  /**
   * Removes a mark that is of no use any more. It is turned first, also one that is spared already: it
   * becomes no candidate before this deletion has come to its end, which so does not take the mark of a blob
   * that is being deleted away.
   * @param whenOld whether one that is not old stays.
   */
  #drop(key: string, whenOld: boolean): Promise<void> {
    return this.#noting(key, async () => {
      if (this.#options.dryRun) return;
      const mark = await this.#marks.read(key);
      if (!mark || mark.state === 'unreadable') return;
      if (!this.#isOldMark(mark) && (whenOld || mark.state === 'condemned')) return;
      const from = await this.#marks.turn(key, mark, 'spared');
      if (from !== undefined) await this.#delete(marksBegin + key, from);
    });
  }

  #delete(path: string, from: number): Promise<void> {
    return this.#marks.delete(path, { from, seconds: this.#deletionSeconds });
  }

  get #deletionSeconds(): number {
    return this.#options.deletionSeconds ?? usualDeletion;
  }

  /**
   * Whether the next step may be taken with what has this mark. The deletion of a blob that is condemned, or
   * of a mark that is spared, may arrive until it counts no longer, and the store has the grace time to carry
   * it out: only then is the mark anybody's again.
   */
  #isOldMark({ state, modified }: Mark): boolean {
    return this.#isOld(modified + (state === 'candidate' ? 0 : this.#deletionSeconds * 1000));
  }

  /** Whether something of then has been so for the grace time when the round began. */
  #isOld(time: number): boolean {
    return time + this.#options.graceSeconds * 1000 + slackMs <= this.#began;
  }

  /** What goes wrong with one blob is noted, and the round goes on. */
  async #noting(key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#options.signal.aborted) throw error;
      this.#found.failed.push({ key, why: (error as Error).message });
      if (this.#found.failed.length >= mostFailures) throw error;
    }
  }
}

/** A store that hangs holds up nobody's end: whatever becomes of the request, it is as after a kill. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: over.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    over.abort();
    work.catch(() => {});
  }
}

function recordAt(path: string, text: string) {
  try {
    return readRecord(text);
  } catch (cause) {
    throw new Error(`GET ${path}: this record cannot be read`, { cause });
  }
}

function count(counted: Counted, { size }: Listed): void {
  counted.blobs++;
  counted.bytes += size;
}

function none(): Counted {
  return { blobs: 0, bytes: 0 };
}

/** Clients are told the same of all faults. */
function reasonOf(error: unknown): string {
  if (!(error instanceof SealgateError)) return (error as Error).message;
  const { cause } = error;
  if (hasCode(error, 'sharing-failed') && cause instanceof Error) return reasonOf(cause);
  const { message } = (cause ?? error) as { message?: string };
  return message ?? error.message;
}
