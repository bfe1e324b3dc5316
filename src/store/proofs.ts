// Proofs: what is recorded of blobs, whether their files still match that, and what happens to those that do
// not.

import { SealgateError } from '../errors.ts';
import type { KeyedLock } from '../keyed_lock.ts';
import {
  type Counters,
  type Evidence,
  type Hashed,
  levelOf,
  type SealBreak,
  type Sealed,
  type SealLevel,
  type SealRecord,
} from '../native/addon.ts';
import type { Blobs } from './blobs.ts';
import { hashOnDisk } from './disk_hash.ts';
import { HashQueue } from './hash_queue.ts';
import type { Metadata } from './metadata.ts';
import type { Seals } from './seals.ts';
import type { Doubt, FirstRead, Proven } from './store.ts';

/** One version of the record of a blob. The newest counts. */
export type BlobRecord =
  | { size: number; evidence: Evidence; created: number }
  | { quarantined: string; created: number }
  | { forgotten: string; created: number }
  /** Nothing kept the blob: its file, of so many bytes, is being removed, and its records after that. */
  | { collected: number; created: number };

// The only place that makes a SealRecord, out of values that were read from the metadata or proved just now.
function sealRecord(digest: string, size: number, evidence: Evidence, created: number): SealRecord {
  return { digest, size, evidence, created } as SealRecord;
}

function unreachable(digest: string, why: SealBreak, cause?: unknown): SealgateError {
  return new SealgateError('store-read-failed', `Blob ${digest} cannot be reached: ${why}.`, { cause });
}

function isLevel(found: SealLevel | SealBreak): found is SealLevel {
  return /^L[0-3]$/.test(found);
}

/** A proof under way, of a blob of `size` bytes. */
interface Proof {
  proof: Promise<SealRecord>;
  size: number;
}

/** Most digests remembered as read, some 30 MB. A blob that was forgotten here is hashed once more. */
const mostRead = 250_000;
/** Most blobs of which it is remembered that the disk fails to read them. Others are read again each time. */
const mostUnreadable = 10_000;
/** Milliseconds after which such a blob is read again when it is asked for. */
const readAgainAfter = 60_000;
/** Milliseconds that a request waits for a proof; then it is told when to come back. */
const longestWait = 5000;

// Hashing a large file takes minutes. The request is refused after a while, and the proof goes on.
function inTime({ proof, size }: Proof, queue: HashQueue): Promise<SealRecord> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      const retryAfter = queue.secondsFor(size);
      const detail = `The stored file is being checked, which takes some ${retryAfter} seconds more.`;
      reject(new SealgateError('proof-under-way', detail, { retryAfter }));
    }, longestWait);
    proof.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** Drops the oldest, when there is one more than the most. */
function bound(all: Set<string> | Map<string, unknown>, most: number): void {
  if (all.size <= most) return;
  for (const oldest of all.keys()) return void all.delete(oldest);
}

/** Why blobs are withdrawn. `reported`: whoever asked for it has found more than a proof. */
const failures = {
  'other-digest': 'the content has another digest',
  'no-file': 'something that is no file is in its place',
};
type Failure = keyof typeof failures | 'reported';

export class Proofs {
  readonly #meta: Metadata;
  readonly #blobs: Blobs;
  readonly #locks: KeyedLock;
  readonly #seals: Seals;
  readonly #writes: boolean;
  /** Proofs under way, by digest. Requests that come meanwhile share them. */
  readonly #under = new Map<string, Proof>();
  readonly #queue = new HashQueue();
  /** Digests of blobs whose bytes were read and found right since the start, the oldest first. */
  readonly #read = new Set<string>();
  /** Evidence of blobs that failed but could not be recorded as withdrawn on a full disk, by digest. */
  readonly #refused = new Map<string, Evidence>();
  /** Blobs of which the disk failed to read bytes, by digest. Their files stay: a disk may come back. */
  readonly #unreadable = new Map<string, { evidence: Evidence; until: number }>();
  /** Blobs withdrawn since the start. Each reason begins at 0, so that an alert sees the first one. */
  readonly #withdrawn: Record<Failure, number> = { 'other-digest': 0, 'no-file': 0, reported: 0 };

  /**
   * @param locks the locks of blobs, by digest.
   * @param writes whether faults may be recorded and files moved.
   */
  constructor(meta: Metadata, blobs: Blobs, locks: KeyedLock, seals: Seals, writes: boolean) {
    this.#meta = meta;
    this.#blobs = blobs;
    this.#locks = locks;
    this.#seals = seals;
    this.#writes = writes;
  }

  /** See store.ts, as for the others. */
  recorded(digest: string, firstRead: FirstRead = 'trust'): SealRecord | Promise<SealRecord> {
    const under = this.#under.size > 0 ? this.#under.get(digest) : undefined;
    if (under) return inTime(under, this.#queue);
    const record = this.#record(digest);
    if (!this.#failedToRead(record) && (firstRead === 'trust' || this.#read.has(digest))) return record;
    return inTime(this.#begin(record, 'content'), this.#queue);
  }

  // Whether the disk failed to read the blob, some time ago; throws if that was just now. A blob that was
  // stored again since then has other evidence.
  #failedToRead({ digest, evidence }: SealRecord): boolean {
    const failed = this.#unreadable.size > 0 ? this.#unreadable.get(digest) : undefined;
    if (failed?.evidence !== evidence) return false;
    if (performance.now() < failed.until) throw unreachable(digest, 'unreadable');
    return true;
  }

  #record(digest: string): SealRecord {
    const record = this.#recordOf(digest);
    if (this.#refused.size > 0 && this.#refused.get(digest) === record.evidence)
      throw new SealgateError('seal-broken', `Blob ${digest} failed its proof, and cannot be withdrawn now.`);
    return record;
  }

  #recordOf(digest: string): SealRecord {
    const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (!record || 'collected' in record) throw new SealgateError('not-found', `There is no blob ${digest}.`);
    if ('forgotten' in record) throw new SealgateError('content-forgotten');
    if ('quarantined' in record)
      throw new SealgateError('seal-broken', `Blob ${digest} is in quarantine: ${record.quarantined}.`);
    return sealRecord(digest, record.size, record.evidence, record.created);
  }

  async prove(digest: string, doubt?: Doubt): Promise<Proven> {
    const proof = doubt === 'disk' ? this.#proveOnDisk(digest) : this.#proofOf(digest, doubt);
    let record = await proof;
    let found = this.#blobs.seal(record);
    if (!isLevel(found) && doubt === undefined) {
      record = await this.#proofOf(digest, found);
      found = this.#blobs.seal(record);
    }
    if (isLevel(found)) return { size: record.size, level: found };
    throw new SealgateError('seal-broken', `Blob ${digest} changes while it is proved.`);
  }

  // Joins a proof of the digest that is under way. Otherwise begins one if the blob is doubted, or gives its
  // record.
  async #proofOf(digest: string, doubt?: SealBreak): Promise<SealRecord> {
    const under = this.#under.get(digest);
    if (under) return under.proof;
    const record = this.#record(digest);
    const doubted = this.#failedToRead(record) ? 'content' : doubt;
    return doubted === undefined ? record : this.#begin(record, doubted).proof;
  }

  async #proveOnDisk(digest: string): Promise<SealRecord> {
    for (let under = this.#under.get(digest); under; under = this.#under.get(digest)) await under.proof;
    // One that could not be withdrawn earlier may be by now.
    return this.#beginAs(this.#recordOf(digest), (record) => this.#checkDisk(record)).proof;
  }

  #begin(record: SealRecord, broken: SealBreak): Proof {
    return this.#beginAs(record, (now) => this.#prove(now, broken));
  }

  #beginAs({ digest, size }: SealRecord, prove: (record: SealRecord) => Promise<SealRecord>): Proof {
    const inTurn = this.#locks.run(digest, async () => prove(this.#recordOf(digest)));
    const proof = inTurn.finally(() => this.#under.delete(digest));
    const under = { proof, size };
    this.#under.set(digest, under);
    return under;
  }

  // A blob is withdrawn only after all of its bytes were read. The same content on another inode is as good
  // (a restored backup, a touched file), and bytes that were read wrong once prove nothing. A file that
  // cannot be reached says nothing about its content: it may be on a disk that is not mounted.
  async #prove(record: SealRecord, reported: SealBreak): Promise<SealRecord> {
    const { digest } = record;
    const found = this.#blobs.seal(record);
    // Another proof came first, or the file was out of reach for a moment.
    if (isLevel(found) && reported !== 'content') return record;
    if (found === 'missing' || found === 'unreadable') throw unreachable(digest, found);
    if (found === 'not-a-file') return this.#condemn(digest, 'no-file');
    const { digest: actual, size, evidence } = await this.#hash(record);
    if (actual !== digest || size !== record.size) return this.#condemn(digest, 'other-digest');
    this.#remember(digest);
    if (evidence === record.evidence) return record;
    const { created } = record;
    if (this.#writes) {
      const next: BlobRecord = { size, evidence, created };
      await this.#meta.append<BlobRecord>('blobs', [digest], () => next);
    }
    return sealRecord(digest, size, evidence, created);
  }

  async #checkDisk(record: SealRecord): Promise<SealRecord> {
    const { digest, size } = record;
    const found = this.#blobs.seal(record);
    if (found === 'missing' || found === 'unreadable') throw unreachable(digest, found);
    if (found === 'not-a-file') return this.#condemn(digest, 'no-file');
    const onDisk = await this.#queue.add(size, () =>
      hashOnDisk(this.#blobs.path(digest)).catch((cause) => this.#cannotRead(record, cause)),
    );
    if (onDisk.digest !== digest || onDisk.size !== size) return this.#condemn(digest, 'other-digest');
    return isLevel(found) ? record : this.#prove(record, found);
  }

  // Hashes the file and seals it at its recorded level: a restored backup has lost its immutable attribute. A
  // reader beside the process that writes changes nothing.
  async #hash(record: SealRecord): Promise<Hashed & Sealed> {
    const { digest, size, evidence } = record;
    const wanted = this.#writes ? levelOf(evidence) : 'L1';
    const hashed = await this.#queue.add(size, () =>
      this.#blobs.hash(digest, wanted).catch((cause) => this.#cannotRead(record, cause)),
    );
    return this.#seals.took(wanted, hashed);
  }

  #cannotRead({ digest, evidence }: SealRecord, cause: NodeJS.ErrnoException): never {
    if (cause.code === 'EIO') {
      this.#unreadable.set(digest, { evidence, until: performance.now() + readAgainAfter });
      bound(this.#unreadable, mostUnreadable);
    }
    throw unreachable(digest, 'unreadable', cause);
  }

  /**
   * Gives a blob the level, if it has a lower one; deliveries of it go on (native/store/seal_level.h). The
   * caller holds the lock of the digest.
   */
  async raise(digest: string, wanted: SealLevel): Promise<void> {
    const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (!record || !('size' in record) || !this.#seals.shouldRaise(levelOf(record.evidence), wanted)) return;
    const { size, created } = record;
    const raising = this.#blobs.raise(digest, record.evidence, wanted).catch((cause) => {
      // The file was touched or is away. The next reader will prove the blob.
      if (['ESTALE', 'ENOENT'].includes(cause.code)) return undefined;
      throw new SealgateError('store-write-failed', `Blob ${digest} cannot be sealed.`, { cause });
    });
    const sealed = await raising;
    if (sealed === undefined) return;
    const { evidence } = this.#seals.took(wanted, sealed);
    if (evidence === record.evidence) return;
    await this.#meta.append<BlobRecord>('blobs', [digest], () => ({ size, evidence, created }));
  }

  counters(): Counters {
    const counts = Object.entries(this.#withdrawn);
    const withdrawn = counts.map(([reason, count]) => [`blobs_withdrawn.${reason}`, count]);
    return { ...Object.fromEntries(withdrawn), ...this.#seals.counters() };
  }

  #remember(digest: string): void {
    this.#unreadable.delete(digest);
    this.#read.add(digest);
    bound(this.#read, mostRead);
  }

  async #condemn(digest: string, failure: keyof typeof failures): Promise<never> {
    const reason = failures[failure];
    const cause = await this.#withdraw(digest, reason, failure);
    const left = cause === undefined ? '' : ` ${(cause as Error).message}`;
    throw new SealgateError('seal-broken', `Blob ${digest} failed its proof: ${reason}.${left}`, { cause });
  }

  quarantine(digest: string, reason: string): Promise<void> {
    return this.#locks.run(digest, async () => {
      const left = await this.#withdraw(digest, reason, 'reported');
      if (left !== undefined) throw left;
    });
  }

  // With its record the blob is withdrawn. If the file cannot be moved then, that is only reported.
  async #withdraw(digest: string, reason: string, failure: Failure): Promise<unknown> {
    if (!this.#writes) return undefined;
    const refused = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (refused && 'size' in refused) this.#refused.set(digest, refused.evidence);
    const added = await this.#meta.append<BlobRecord>('blobs', [digest], (newest) =>
      newest && !('size' in newest.value) ? undefined : { quarantined: reason, created: Date.now() },
    );
    this.#refused.delete(digest);
    if (!added) return undefined;
    this.#withdrawn[failure] += 1;
    return this.#blobs.quarantine(digest).catch((cause: unknown) => cause);
  }
}
