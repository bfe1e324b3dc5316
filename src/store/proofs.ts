// Proofs: what is known of blobs, whether their files are still that, and what happens to those that are not.

import { SealgateError } from '../errors.ts';
import type { Evidence, Hashed, SealBreak, SealLevel, SealRecord } from '../native/addon.ts';
import type { Turns } from '../turns.ts';
import type { Blobs } from './blobs.ts';
import type { Metadata } from './metadata.ts';

/** One version of what is known of a blob. The newest counts. */
export type BlobRecord =
  | { size: number; evidence: Evidence; created: number }
  | { quarantined: string; created: number }
  | { forgotten: string; created: number };

// The one maker of these: what is in it was read from the metadata, or proved just now.
function sealRecord(digest: string, size: number, evidence: Evidence, created: number): SealRecord {
  return { digest, size, evidence, created } as SealRecord;
}

function unreachable(digest: string, why: SealBreak, cause?: unknown): SealgateError {
  return new SealgateError('store-read-failed', `Blob ${digest} cannot be reached: ${why}.`, { cause });
}

function isLevel(found: SealLevel | SealBreak): found is SealLevel {
  return found === 'L0' || found === 'L1';
}

export class Proofs {
  readonly #meta: Metadata;
  readonly #blobs: Blobs;
  readonly #turns: Turns;
  readonly #writes: boolean;
  /** Those under way, by digest: those who ask meanwhile share them. */
  readonly #under = new Map<string, Promise<SealRecord>>();

  /**
   * @param turns by digest.
   * @param writes false: nothing is recorded and nothing is moved.
   */
  constructor(meta: Metadata, blobs: Blobs, turns: Turns, writes: boolean) {
    this.#meta = meta;
    this.#blobs = blobs;
    this.#turns = turns;
    this.#writes = writes;
  }

  /** See store.ts, as for the others. */
  recorded(digest: string): SealRecord | Promise<SealRecord> {
    return (this.#under.size > 0 && this.#under.get(digest)) || this.#record(digest);
  }

  #record(digest: string): SealRecord {
    const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (!record) throw new SealgateError('not-found', `There is no blob ${digest}.`);
    if ('forgotten' in record) throw new SealgateError('content-forgotten');
    if ('quarantined' in record)
      throw new SealgateError('seal-broken', `Blob ${digest} is in quarantine: ${record.quarantined}.`);
    return sealRecord(digest, record.size, record.evidence, record.created);
  }

  async seal(digest: string): Promise<{ size: number; level: SealLevel }> {
    let record = await this.recorded(digest);
    let found = this.#blobs.seal(record);
    if (!isLevel(found)) {
      record = await this.prove(digest, found);
      found = this.#blobs.seal(record);
    }
    if (isLevel(found)) return { size: record.size, level: found };
    throw new SealgateError('seal-broken', `Blob ${digest} changes while it is proved.`);
  }

  prove(digest: string, broken: SealBreak): Promise<SealRecord> {
    const under = this.#under.get(digest);
    if (under) return under;
    const inTurn = this.#turns.take(digest, () => this.#prove(digest, broken));
    const proof = inTurn.finally(() => this.#under.delete(digest));
    this.#under.set(digest, proof);
    return proof;
  }

  // Nothing is condemned before all of its bytes were read: the same content on another inode is as good (a
  // restored backup, a touched file), and bytes that were wrong once on their way are no proof. A file that
  // cannot be reached says nothing about its content: it may be on a disk that is not mounted.
  async #prove(digest: string, reported: SealBreak): Promise<SealRecord> {
    const record = this.#record(digest);
    const found = this.#blobs.seal(record);
    // Somebody else's proof came first, or it was out of reach for a moment.
    if (isLevel(found) && reported !== 'content') return record;
    if (found === 'missing' || found === 'unreadable') throw unreachable(digest, found);
    if (found === 'not-a-file') return this.#condemn(digest, 'something that is no file is in its place');
    const { digest: actual, size, evidence } = await this.#hash(digest);
    if (actual !== digest || size !== record.size)
      return this.#condemn(digest, 'the content has another digest');
    if (evidence === record.evidence) return record;
    const { created } = record;
    if (this.#writes) {
      const next: BlobRecord = { size, evidence, created };
      await this.#meta.append<BlobRecord>('blobs', [digest], () => next);
    }
    return sealRecord(digest, size, evidence, created);
  }

  #hash(digest: string): Promise<Hashed & { evidence: Evidence }> {
    return this.#blobs.hash(digest).catch((cause) => {
      throw unreachable(digest, 'unreadable', cause);
    });
  }

  async #condemn(digest: string, reason: string): Promise<never> {
    const cause = await this.#withdraw(digest, reason);
    const left = cause === undefined ? '' : ` ${(cause as Error).message}`;
    throw new SealgateError('seal-broken', `Blob ${digest} failed its proof: ${reason}.${left}`, { cause });
  }

  quarantine(digest: string, reason: string): Promise<void> {
    return this.#turns.take(digest, async () => {
      const left = await this.#withdraw(digest, reason);
      if (left !== undefined) throw left;
    });
  }

  // Once it is on record the blob is withdrawn: that its file stays is told, and changes nothing.
  async #withdraw(digest: string, reason: string): Promise<unknown> {
    if (!this.#writes) return undefined;
    const added = await this.#meta.append<BlobRecord>('blobs', [digest], (newest) =>
      newest && !('size' in newest.value) ? undefined : { quarantined: reason, created: Date.now() },
    );
    if (!added) return undefined;
    return this.#blobs.quarantine(digest).catch((cause: unknown) => cause);
  }
}
