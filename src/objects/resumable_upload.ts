// ResumableUpload: an upload that comes in several requests, while this process goes on with it. What it is,
// and its bytes, are on disk (store/upload_files.ts); here are the digests of the bytes so far, and who works
// with it.

import { chmod } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { DigestName } from '../digest.ts';
import { errors, SealgateError } from '../errors.ts';
import { addon, type Hashed, type PartialFile } from '../native/addon.ts';
import type { UploadFile } from '../store/upload_files.ts';
import type { Name } from './objects.ts';
import type { PutRequest, Stored } from './requests.ts';
import type { SharedObjects } from './shared_objects.ts';
import type { Standing } from './standing.ts';

/** Milliseconds in which a request that writes ends when it is asked to: it may have to wait for the disk. */
const endsWithin = 5000;
/** Milliseconds between two looks at whether it has. */
const looksEvery = 10;

export interface NewUpload {
  to: Name;
  /** Who may go on with it. */
  owner: string;
  /** Bytes of the object; absent: not known yet. */
  length?: number | undefined;
  /** What the client said of it, to be told again. */
  metadata?: string | undefined;
  /** Milliseconds from its last request until it is given up. */
  expireAfter: number;
  /** What the object is to be. */
  asked: PutRequest;
}

/** What is on record of an upload. */
export interface UploadRecord extends NewUpload {
  /** Digests of its bytes besides SHA-256. */
  digests: DigestName[];
  /** When it is given up if nothing more comes: milliseconds since the epoch. */
  expires: number;
  /** All bytes have come: it is being stored. */
  whole?: Hashed | undefined;
  /** What its name pointed at then: what is written after that is newer than the upload. */
  over?: Standing;
  /** It is an object. */
  isStored?: true;
}

/** One that was opened, and what there is of its bytes; undefined: it is an object. */
export interface Found {
  file: UploadFile<UploadRecord>;
  state: Awaited<ReturnType<UploadFile<UploadRecord>['state']>>;
}

export class ResumableUpload {
  readonly id: string;
  readonly #file: UploadFile<UploadRecord>;
  readonly #objects: SharedObjects;
  #partial: PartialFile;
  #isBeingStored = false;
  #isRemoved = false;
  /** When it is given up if nothing more comes: milliseconds since the epoch. */
  expires: number;

  /** @param partial of an earlier time in this process, which counts if nobody has written to it since. */
  constructor(
    id: string,
    file: UploadFile<UploadRecord>,
    {
      state,
      partial,
      objects,
    }: Pick<Found, 'state'> & { partial: PartialFile | undefined; objects: SharedObjects },
  ) {
    const { digests, whole, expires, expireAfter } = file.record;
    const size = state?.size ?? whole?.size ?? 0;
    this.id = id;
    this.#file = file;
    this.#objects = objects;
    this.expires = Math.max(expires, (state?.changed ?? 0) + expireAfter);
    const isAsItWas = partial?.size === size && !partial.lost;
    this.#partial = isAsItWas ? partial : addon.partialFile(file.data, digests, size);
  }

  get about(): Readonly<UploadRecord> {
    return this.#file.record;
  }

  get partial(): PartialFile {
    return this.#partial;
  }

  get isStored(): boolean {
    return this.about.isStored === true;
  }

  /** Whether a request writes to it, or it is being stored. */
  get isBusy(): boolean {
    return this.#partial.busy || this.#isBeingStored;
  }

  /**
   * Ends a request that still writes to it: its client has begun another, and may know better than we that
   * the one before has failed. Throws `upload-busy` when it does not end.
   */
  async takeOver(): Promise<void> {
    for (const late = performance.now() + endsWithin; this.isBusy; await pause(looksEvery)) {
      if (performance.now() > late) throw new SealgateError('upload-busy');
      this.#partial.interrupt();
    }
  }

  /** How many bytes are there. They count also if the machine fails, unless a request writes to it. */
  async offset(): Promise<number> {
    if (this.isStored) return this.about.whole?.size ?? 0;
    const { size } = this.#partial;
    if (!this.isBusy) await this.#file.sync(size);
    return size;
  }

  /**
   * Of an upload that is whole when it has its length. Its last request may have been cut off after its body
   * had come; clients send nothing more then, so the last byte is asked for again. Throws `upload-busy`.
   */
  async wantedOffset(): Promise<number> {
    const size = await this.offset();
    if (size === 0 || size !== this.about.length || this.isStored) return size;
    this.#replacePartial(this.about.digests, size - 1);
    return size - 1;
  }

  /**
   * Nobody writes through the one before any more: a request may have been told to, and not have begun. Two
   * that write to the file at once would leave other bytes there than either has hashed. Throws
   * `upload-busy`.
   */
  #replacePartial(digests: readonly DigestName[], size: number): void {
    if (this.isBusy || !this.#partial.finish()) throw new SealgateError('upload-busy');
    this.#partial = addon.partialFile(this.#file.data, [...digests], size);
  }

  /** Its length, once it is known. Rejects with `quota-reached` where there is no room for it. */
  async setLength(length: number | undefined): Promise<void> {
    if (length === this.about.length) return;
    const { to, asked } = this.about;
    this.#objects.put(to, { ...asked, conditions: unconditional, size: length });
    await this.#file.note({ length });
  }

  /**
   * Says what it is to be, which was not known when it began. Digests that nobody wanted until now are made
   * of what is there once more. Throws `upload-busy` where another request has begun to write then.
   */
  async aim(to: Name, asked: PutRequest): Promise<void> {
    const { digests } = this.#objects.put(to, asked);
    const before = this.about.digests;
    await this.#file.note({ to, asked, digests });
    if (digests.every((each) => before.includes(each))) return;
    this.#replacePartial(digests, this.#partial.size);
  }

  /** So many bytes were received and synced. */
  async received(bytes: number): Promise<void> {
    await this.#file.note({ synced: bytes, expires: this.expires });
  }

  /**
   * Makes it the object. Whatever keeps it from that, such as a precondition, is thrown; `upload-busy` where
   * another request has begun to write.
   * @param whole all of its bytes, which are synced.
   */
  async store(whole: Hashed): Promise<Stored> {
    const { to, asked } = this.about;
    const isAllThere = this.#partial.size === whole.size && this.#partial.finish();
    if (!isAllThere) throw new SealgateError('upload-busy');
    this.#isBeingStored = true;
    try {
      // What a process finds that goes on after this one was killed.
      const over = this.#objects.standing(to);
      await this.#file.note({ whole: hashed(whole), over, synced: whole.size, expires: this.expires });
      await chmod(this.#file.data, 0o444);
      const stored = await this.#objects.put(to, asked, this.#file.data).commit(whole);
      // Whoever finds a record that does not say so finds the object (upload_completion.ts).
      await this.#file.note({ isStored: true }).catch(() => {});
      return stored;
    } finally {
      this.#isBeingStored = false;
    }
  }

  /**
   * Whether it could not be stored for now, and can be once the cause is gone. Then the last byte may come
   * again. Where it is not known what became of it, whoever opens it next finds out (upload_completion.ts).
   */
  async canBeStoredLater(error: unknown): Promise<boolean> {
    if (!mayPass(error)) return false;
    const there = await this.#file.state();
    if (there === undefined) return true;
    this.#partial = addon.partialFile(this.#file.data, this.about.digests, there.size);
    // What kept it from being stored may keep it from this. Whoever opens it next finds its bytes, and with
    // them the note of what they are says nothing.
    await chmod(this.#file.data, 0o600).catch(() => {});
    await this.#file.note({ whole: undefined }).catch(() => {});
    return true;
  }

  /** Removes it with what has come of it; an object that it has become stays. */
  remove(): Promise<void> {
    this.#isRemoved = true;
    return this.#file.remove();
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  release(): void {
    this.#file.release();
  }
}

/** Whether what an upload could not be stored for is gone some time, without it. */
export function mayPass(error: unknown): boolean {
  const code = error instanceof SealgateError ? error.code : 'internal';
  return errors[code].retryable || code === 'quota-reached';
}

/** Conditions count when an upload begins and at its end. */
const unconditional = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };

/** What an event of the engine tells, without the rest. */
function hashed({ digest, size, digests }: Hashed): Hashed {
  return { digest, size, ...(digests && { digests }) };
}
