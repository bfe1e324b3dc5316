// ResumableUploads: uploads that come in several requests, from when they are created until they are objects,
// are cancelled or expire. They are on disk: a process that is killed or replaced leaves them to the next.

import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { hasCode, SealgateError } from '../errors.ts';
import type { Hashed, PartialFile } from '../native/addon.ts';
import type { Store } from '../store/store.ts';
import { type UploadFile, UploadFiles } from '../store/upload_files.ts';
import type { Stored } from './requests.ts';
import { type Found, type NewUpload, ResumableUpload, type UploadRecord } from './resumable_upload.ts';
import type { SharedObjects } from './shared_objects.ts';
import { UploadCompletion } from './upload_completion.ts';

/** Each holds a folder with two files. No client gets the last quarter, as of other limited things. */
const mostUploads = 4096;
/** Milliseconds for which an upload that is an object can be asked for, at most. */
const storedFor = 3_600_000;
/** Milliseconds between two looks at whether a request has ended that was cut off. */
const lookAgainAfter = 50;
/** Milliseconds between two looks at what has expired, at most: another process may have begun some. */
const sweepEvery = 60_000;

/** What is known of an upload without looking at the disk. */
interface Entry {
  owner: string;
  expires: number;
  size: number;
  isStored: boolean;
}

interface InUse {
  upload: ResumableUpload;
  users: number;
  isOver: boolean;
}

export class ResumableUploads {
  readonly #files: UploadFiles<UploadRecord>;
  readonly #objects: SharedObjects;
  readonly #log: Logger;
  readonly #completion: UploadCompletion;
  readonly #entries = new Map<string, Entry>();
  /** Those whose lock this process has, or is about to take. */
  readonly #inUse = new Map<string, Promise<InUse | undefined>>();
  /** Digests so far of those that nobody works with. Without them a file is read once more. */
  readonly #paused = new Map<string, PartialFile>();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isClosed = false;
  /** Those that cannot be read, which is said once. */
  readonly #damaged = new Set<string>();
  readonly #totals = { expired: 0, resumed: 0 };

  readonly #most: number;

  private constructor(
    files: UploadFiles<UploadRecord>,
    { objects, log, most = mostUploads }: { objects: SharedObjects; log: Logger; most?: number | undefined },
  ) {
    this.#files = files;
    this.#objects = objects;
    this.#log = log;
    this.#completion = new UploadCompletion(objects, log);
    this.#most = most;
  }

  /** Finds those that earlier processes left, and ends what they could not. @param most at a time. */
  static async open(
    store: Pick<Store, 'uploadFolders'>,
    objects: SharedObjects,
    log: Logger,
    most?: number,
  ): Promise<ResumableUploads> {
    const files = new UploadFiles<UploadRecord>(() => store.uploadFolders());
    const uploads = new ResumableUploads(files, { objects, log, most });
    await files.clear();
    await uploads.#sweep();
    return uploads;
  }

  counters() {
    const open = [...this.#entries.values()].filter(({ isStored }) => !isStored);
    return {
      resumable_uploads: open.length,
      resumable_upload_bytes: open.reduce((bytes, { size }) => bytes + size, 0),
      resumable_uploads_expired: this.#totals.expired,
      resumable_uploads_resumed: this.#totals.resumed,
    };
  }

  /**
   * Begins one, and resolves with what `use` makes of it. Rejects with `too-many-uploads`, and with what
   * keeps the object from being put.
   */
  async begin<T>(about: NewUpload, use: (upload: ResumableUpload) => T | Promise<T>): Promise<T> {
    const open = [...this.#entries.values()].filter(({ isStored }) => !isStored);
    const own = open.filter(({ owner }) => owner === about.owner);
    if (own.length >= (this.#most * 3) / 4 || open.length >= this.#most)
      throw new SealgateError('too-many-uploads');
    const { digests } = this.#objects.put(about.to, about.asked);
    const id = randomBytes(32).toString('hex');
    const expires = Date.now() + about.expireAfter;
    this.#entries.set(id, { owner: about.owner, expires, size: 0, isStored: false });
    const made = this.#files.make(id, { ...about, digests, expires });
    const using = made.then((file) => this.#used(id, { file, state: { size: 0, changed: 0 } }));
    this.#inUse.set(id, using);
    try {
      await using;
    } catch (cause) {
      this.#forget(id);
      this.#inUse.delete(id);
      throw cause;
    }
    this.#wakeAt(expires);
    return this.use(id, use);
  }

  /**
   * Resolves with what `use` makes of an upload: while it does, and while a request writes to it, no other
   * process goes on with it. Rejects with `not-found`, and with `upload-busy` when one does.
   */
  async use<T>(id: string, use: (upload: ResumableUpload) => T | Promise<T>): Promise<T> {
    const using = await this.#taken(id);
    if (using === undefined || (await this.#isLost(using.upload))) throw new SealgateError('not-found');
    using.users++;
    try {
      return await use(using.upload);
    } catch (cause) {
      // Somebody else gave it up meanwhile.
      if (using.upload.isRemoved && !(cause instanceof SealgateError)) throw new SealgateError('not-found');
      throw cause;
    } finally {
      // A plan that was made for it has reached the engine by then.
      setImmediate(() => this.#left(using));
    }
  }

  /** Bytes of one that another process has; undefined: nobody else has it. */
  async sizeElsewhere(id: string): Promise<{ about: UploadRecord; size: number } | undefined> {
    if (this.#inUse.has(id)) return undefined;
    const found = await this.#files.peek(id);
    if (found === undefined) return undefined;
    const { record: about } = found;
    // Who has stored it has its lock for a moment more, and its client knows already.
    const size = about.isStored ? about.whole?.size : found.size;
    return size === undefined ? undefined : { about, size };
  }

  /** What an upload is that waits to be stored; undefined: it does not. */
  async waiting(id: string): Promise<UploadRecord | undefined> {
    return this.#completion.waits(id) ? (await this.#files.peek(id))?.record : undefined;
  }

  /** Gives up one that waits to be stored. False: it does not, or is being tried again. */
  async endWaiting(id: string): Promise<boolean> {
    if (!this.#completion.waits(id) || this.#inUse.has(id)) return false;
    const file = await this.#files.open(id);
    if (file === 'busy') return false;
    this.#forget(id);
    await file?.remove();
    return true;
  }

  /** Gives it its whole time again. */
  renew(upload: ResumableUpload): void {
    upload.expires = Date.now() + upload.about.expireAfter;
    this.#enter(upload);
  }

  /**
   * A request to append has come to its end. @param at where its body began. @param soFar all that has come.
   * @param isWhole nothing more is to come: the upload is made the object. What keeps it from that for good,
   *   such as a precondition, ends it; what may pass, such as a full disk, does not.
   */
  async received(
    upload: ResumableUpload,
    at: number,
    soFar: Hashed,
    isWhole: boolean,
  ): Promise<Stored | undefined> {
    if (at > 0) this.#totals.resumed++;
    this.renew(upload);
    if (isWhole) return this.#store(upload, soFar);
    await upload.received(soFar.size);
    return undefined;
  }

  async #store(upload: ResumableUpload, whole: Hashed): Promise<Stored> {
    try {
      const stored = await upload.store(whole);
      this.#enter(upload);
      return stored;
    } catch (error) {
      const isHere = hasCode(error, 'upload-busy') || (await upload.canBeStoredLater(error));
      if (!isHere) await this.end(upload);
      throw error;
    }
  }

  /** Gives it up, with what has come of it. An object that it has become stays. */
  async end(upload: ResumableUpload): Promise<void> {
    this.#forget(upload.id);
    this.#inUse.delete(upload.id);
    await upload.remove();
  }

  /** Nobody expires or is counted any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  // Whoever comes while one is taken gets the same.
  #taken(id: string): Promise<InUse | undefined> {
    const known = this.#inUse.get(id);
    if (known) return known;
    const taking = this.#take(id).catch((cause) => {
      this.#inUse.delete(id);
      throw cause;
    });
    this.#inUse.set(id, taking);
    return taking;
  }

  async #take(id: string): Promise<InUse | undefined> {
    this.#completion.check(id);
    const file = await this.#files.open(id);
    if (file === 'busy') throw new SealgateError('upload-busy');
    try {
      if (file && (await this.#completed(id, file)))
        return this.#used(id, { file, state: await file.state() });
    } catch (cause) {
      file?.release();
      throw cause;
    }
    this.#inUse.delete(id);
    this.#forget(id);
    return undefined;
  }

  /** False: it could not be completed, and is gone. Rejects when it waits. */
  async #completed(id: string, file: UploadFile<UploadRecord>): Promise<boolean> {
    try {
      const completed = await this.#completion.complete(id, file);
      if (completed === 'expired') this.#totals.expired++;
      return completed === 'completed';
    } catch (cause) {
      const { owner, expires, whole } = file.record;
      if (!this.#completion.waits(id)) throw cause;
      this.#entries.set(id, { owner, expires, size: whole?.size ?? 0, isStored: false });
      this.#wakeAt(this.#completion.next());
      throw cause;
    }
  }

  #used(id: string, { file, state }: Found): InUse {
    const partial = this.#paused.get(id);
    this.#paused.delete(id);
    const upload = new ResumableUpload(id, file, { state, partial, objects: this.#objects });
    this.#enter(upload);
    return { upload, users: 0, isOver: false };
  }

  #left(using: InUse): void {
    using.users--;
    this.#settle(using);
  }

  // The last request may still be received, or be written down after it was cut off.
  #settle(using: InUse): void {
    const { upload, users } = using;
    if (users > 0 || using.isOver || upload.isRemoved) return;
    if (upload.isBusy) {
      setTimeout(() => this.#settle(using), lookAgainAfter).unref();
      return;
    }
    using.isOver = true;
    if (upload.partial.lost) {
      void this.#isLost(upload).catch((err) => this.#log.error({ err }, 'an upload could not be removed'));
      return;
    }
    this.#inUse.delete(upload.id);
    this.#enter(upload);
    if (!upload.isStored) this.#paused.set(upload.id, upload.partial);
    upload.release();
  }

  /** One that could not be synced is given up. */
  async #isLost(upload: ResumableUpload): Promise<boolean> {
    if (!upload.partial.lost) return false;
    if (upload.isRemoved) return true;
    this.#log.error({ to: upload.about.to }, 'an upload could not be synced, and is given up');
    await this.end(upload);
    return true;
  }

  #enter({ id, about, partial, expires, isStored }: ResumableUpload): void {
    const until = isStored ? Math.min(expires, Date.now() + storedFor) : expires;
    this.#entries.set(id, { owner: about.owner, expires: until, size: partial.size, isStored });
    this.#wakeAt(until);
  }

  #forget(id: string): void {
    this.#entries.delete(id);
    this.#paused.delete(id);
    this.#completion.forget(id);
  }

  #wakeAt(time: number): void {
    if (time >= this.#timerAt || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timerAt = time;
    this.#timer = setTimeout(() => void this.#sweep(), Math.max(time - Date.now(), 1)).unref();
  }

  /** Takes notice of those that others began, and gives up what has expired. */
  async #sweep(): Promise<void> {
    this.#timerAt = Number.POSITIVE_INFINITY;
    try {
      for (const id of await this.#files.ids()) if (!this.#inUse.has(id)) await this.#look(id);
    } catch (err) {
      this.#log.error({ err }, 'uploads in several requests could not be looked at');
    }
    const now = Date.now();
    const ends = [...this.#entries.values()].map(({ expires }) => expires);
    const next = Math.min(this.#completion.next(), ...ends);
    this.#wakeAt(Math.min(now + sweepEvery, Math.max(next, now + lookAgainAfter)));
  }

  async #look(id: string): Promise<void> {
    const known = this.#entries.get(id);
    if (known && known.expires > Date.now() && !this.#completion.isDue(id)) return;
    try {
      await this.use(id, async (upload) => {
        if (upload.expires > Date.now() || upload.isBusy) return;
        await this.end(upload);
        this.#totals.expired++;
      });
    } catch (error) {
      if (error instanceof SealgateError || this.#damaged.has(id) || this.#completion.waits(id)) return;
      this.#damaged.add(id);
      this.#log.error({ err: error, upload: id }, 'an upload in several requests cannot be gone on with');
    }
  }
}
