// Expiration: the part of a round of collection that makes names deleted whose time is over. It looks only at
// buckets that have a time to live, or objects that end by themselves. Each tombstone is durable by itself: a
// round that was interrupted has less to do when it begins anew.

import type { CollectionParts, Round } from './collection.ts';
import type { RefRecord } from './listing.ts';
import type { Key } from './metadata.ts';
import { behindVersion } from './retention.ts';
import type { RoundPace } from './round_pace.ts';
import { endOf } from './time_to_live.ts';

/** Rows looked at in one turn of the thread that answers everybody: about a millisecond. */
const rowsATime = 100;
/** Names made deleted side by side; their commits are shared. */
const namesATime = 32;

export interface Expired {
  /** Names that were made deleted. */
  names: number;
  /** Versions whose time is over, though not for the grace time. */
  waiting: { versions: number; bytes: number };
}

type Row = { key: Key; value: RefRecord };

/**
 * A name is made deleted once its time has been over for the grace time: a clock that is ahead for less than
 * that hides names as long as it is, and changes nothing.
 */
export async function expire(parts: CollectionParts, round: Round, pace: RoundPace): Promise<Expired> {
  const done: Expired = { names: 0, waiting: { versions: 0, bytes: 0 } };
  for (const { name, ttl } of parts.buckets())
    if (ttl !== undefined || parts.ownEnds.mayBeIn(name))
      await new Expiration(parts, round, pace, done).pass(name, ttl);
  return done;
}

class Expiration {
  readonly #parts: CollectionParts;
  readonly #round: Round;
  readonly #pace: RoundPace;
  readonly #done: Expired;
  readonly #now: number;
  /** Names whose time has been over for the grace time. */
  #due: string[] = [];

  constructor(parts: CollectionParts, round: Round, pace: RoundPace, done: Expired) {
    this.#parts = parts;
    this.#round = round;
    this.#pace = pace;
    this.#done = done;
    this.#now = parts.now();
  }

  async pass(bucket: string, ttl: number | undefined): Promise<void> {
    const { ownEnds } = this.#parts;
    ownEnds.expectNone(bucket);
    let last: Row | undefined;
    for (let start: Key | undefined = [bucket]; start !== undefined && !this.#pace.isAborted; ) {
      const began = performance.now();
      const all: Row[] = [...this.#parts.meta.range<RefRecord>('refs', { start, limit: rowsATime })];
      const page = all.filter(({ key }) => key[0] === bucket);
      for (const row of page) {
        if ('expires' in row.value) ownEnds.isIn(bucket);
        if (last && last.key[1] !== row.key[1]) this.#see(last, ttl);
        last = row;
      }
      const isWhole = page.length === rowsATime;
      if (last && !isWhole) this.#see(last, ttl);
      start = isWhole && last ? behindVersion(last.key as (string | number)[]) : undefined;
      await this.#pace.looked(performance.now() - began);
      await this.#makeDeleted(bucket);
    }
    // What was not looked at may have one.
    if (this.#pace.isAborted) ownEnds.isIn(bucket);
  }

  /** @param newest of its name. */
  #see({ key, value }: Row, ttl: number | undefined): void {
    const end = endOf(value, ttl);
    if (end === undefined || end > this.#now) return;
    if (end <= this.#now - this.#round.graceMs) this.#due.push(key[1] as string);
    else {
      this.#done.waiting.versions++;
      this.#done.waiting.bytes += 'size' in value ? value.size : 0;
    }
  }

  async #makeDeleted(bucket: string): Promise<void> {
    const due = this.#due.splice(0);
    for (let i = 0; i < due.length && !this.#pace.isAborted; i += namesATime) {
      const began = performance.now();
      const outcomes = await Promise.all(
        due.slice(i, i + namesATime).map((name) => this.#makeOneDeleted({ bucket, name })),
      );
      const made = outcomes.filter(Boolean).length;
      this.#done.names += made;
      if (!this.#round.dryRun) await this.#pace.removed(made, performance.now() - began);
    }
  }

  async #makeOneDeleted(at: { bucket: string; name: string }): Promise<boolean> {
    if (this.#round.dryRun) return true;
    const change = () => this.#parts.expire(at, this.#now - this.#round.graceMs);
    return this.#round.changing ? this.#round.changing(at, change) : change();
  }
}
