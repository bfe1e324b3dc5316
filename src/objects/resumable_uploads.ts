// ResumableUploads: uploads that come in several requests, from when they are created until they are objects,
// are cancelled or expire. They are in memory, with their bytes in staging/, and end with the process.

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { SealgateError } from '../errors.ts';
import { addon, type Hashed, type PartialFile } from '../native/addon.ts';
import type { Name } from './objects.ts';
import type { Receiving } from './receiving.ts';
import type { Stored } from './requests.ts';

/** Each holds a file in staging/ and some hundred bytes of memory. */
const mostUploads = 4096;
/** No client gets the last quarter, as of other things that are limited. */
const mostOfOne = (mostUploads * 3) / 4;

export interface NewUpload {
  to: Name;
  /** Who may go on with it. */
  owner: string;
  /** Bytes of the object; undefined: not known yet. */
  length: number | undefined;
  /** What the client said of it, to be told again. */
  metadata: string | undefined;
  /** Milliseconds from its last request until it is given up. */
  expireAfter: number;
  object: Receiving<Stored>;
}

export class ResumableUpload {
  /** 64 hex digits that nobody can guess. */
  readonly id = randomBytes(32).toString('hex');
  readonly about: Readonly<NewUpload>;
  length: number | undefined;
  /** When it is given up if nothing more comes: milliseconds since the epoch. */
  expires = 0;
  #file: PartialFile;
  #isStored = false;

  constructor(about: NewUpload) {
    this.about = about;
    this.length = about.length;
    const { staging, digests } = about.object;
    this.#file = addon.partialFile(staging, digests);
  }

  /** Whether it is an object by now. */
  get isStored(): boolean {
    return this.#isStored;
  }

  get isBusy(): boolean {
    return this.#file.busy || (this.#file.finished && !this.#isStored);
  }

  get file(): PartialFile {
    return this.#file;
  }

  /** How many bytes are there. Throws `upload-busy` when that is all, and not yet an object. */
  offset(): number {
    const { size, busy, finished } = this.#file;
    if (size === 0 || size !== this.length || this.#isStored) return size;
    if (busy || finished) throw new SealgateError('upload-busy');
    // The last request was cut off after its body had come. Clients send nothing more of an upload that is
    // whole, so the last byte is asked for again.
    const { staging, digests } = this.about.object;
    this.#file = addon.partialFile(staging, digests, size - 1);
    return size - 1;
  }

  /** @param whole what the last request has finished. */
  async store(whole: Hashed): Promise<Stored> {
    const stored = await this.about.object.commit(whole);
    this.#isStored = true;
    return stored;
  }
}

export class ResumableUploads {
  readonly #all = new Map<string, ResumableUpload>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** Throws `too-many-uploads`. */
  begin(about: NewUpload): ResumableUpload {
    let own = 0;
    for (const { about: its } of this.#all.values()) if (its.owner === about.owner) own++;
    if (own >= mostOfOne || this.#all.size >= mostUploads) throw new SealgateError('too-many-uploads');
    const upload = new ResumableUpload(about);
    this.#all.set(upload.id, upload);
    this.renew(upload);
    return upload;
  }

  find(id: string): ResumableUpload | undefined {
    return this.#all.get(id);
  }

  /** Gives it its whole time again. */
  renew(upload: ResumableUpload): void {
    const { id, about } = upload;
    if (!this.#all.has(id)) return;
    clearTimeout(this.#timers.get(id));
    upload.expires = Date.now() + about.expireAfter;
    const expire = () => (upload.isBusy ? this.renew(upload) : void this.end(upload));
    this.#timers.set(id, setTimeout(expire, about.expireAfter).unref());
  }

  /** Makes it the object. Whatever keeps it from that, such as a precondition, ends it. */
  async store(upload: ResumableUpload, whole: Hashed): Promise<Stored> {
    try {
      return await upload.store(whole);
    } catch (error) {
      this.#forget(upload);
      throw error;
    }
  }

  /** Gives it up, with what has come of it. An object that it has become stays. */
  async end(upload: ResumableUpload): Promise<void> {
    this.#forget(upload);
    if (!upload.isStored) await rm(upload.about.object.staging, { force: true });
  }

  #forget({ id }: ResumableUpload): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#all.delete(id);
  }
}
