// Tier: an S3-compatible store that several servers share buckets over. It has blobs under their digests,
// which never change, and for each name a record that says what it points at. Every write is conditional: a
// request that arrives late, when nobody waits for it any more, changes nothing that was written since.

import { setTimeout as wait } from 'node:timers/promises';
import { hasCode, SealgateError } from '../errors.ts';
import type { Name } from '../objects/objects.ts';
import type { Fetched, FetchFault, Sent, SentFile } from './fetching.ts';
import { mostParts } from './parts.ts';
import { type Answered, Marks } from './tier_marks.ts';
import { type HeldRecord, readRecord, type TierRecord } from './tier_record.ts';
import type { Asked, Upstream, Wanted } from './upstream.ts';

/** Bytes of a key (S3). */
const mostKeyBytes = 1024;
/** Bytes of an object that comes in one request, and of any (S3). */
const mostAtOnce = 5 * 2 ** 30;
const mostBytes = 5 * 2 ** 40;
/** Bytes of each part of a larger one, at least. */
const leastPart = 256 * 2 ** 20;
/** Bytes from which the store is asked first whether it has a blob, to spare its way. */
const askFirstBytes = 256 * 1024;
/** Seconds after which a client may try again. */
const retryAfter = 5;

export type Read = { record: TierRecord; etag: string | undefined } | 'same' | 'absent';

/**
 * Milliseconds for which what was kept is there without asking: half of what collection waits at least
 * between its two steps (config/gc.ts), of which the first would be seen.
 */
const sureMs = 4000;
const usualSizes = { atOnce: mostAtOnce, part: leastPart, sureMs };
/** How often a blob is looked at that others send or delete meanwhile. */
const mostLooks = 12;
/** Looks at a blob that is being deleted, before it is sent elsewhere; and milliseconds between two. */
const looksAtCondemned = 4;
const lookAgainAfter = 100;

/** That the store has the bytes. */
export interface Kept {
  /** Behind the digest, where they are not under the digest alone. */
  place?: string;
  /** From when that is known, by two clocks, of which one goes on while the machine is suspended. */
  since: number;
  date: number;
}

export class Tier {
  readonly #upstream: Upstream;
  readonly #sizes: typeof usualSizes;
  readonly #marks: Marks;

  /** @param sizes bytes from which an object is sent in parts, and of these; `sureMs`: see above. */
  constructor(upstream: Upstream, sizes: Partial<typeof usualSizes> = {}) {
    this.#upstream = upstream;
    this.#sizes = { ...usualSizes, ...sizes };
    this.#marks = new Marks((asked) => this.send(asked));
  }

  /** The record of a name. Rejects with `sharing-failed`. @param etag that of the record which is known. */
  async read(at: Name, etag?: string): Promise<Read> {
    const fields = { ...(etag !== undefined && { 'if-none-match': `"${etag}"` }) };
    const asked: Asked = { method: 'GET', path: recordPath(at), fields };
    const sent = expecting([200, 404, ...(etag === undefined ? [] : [304])], asked, await this.send(asked));
    if (sent.status === 304) return 'same';
    if (sent.status === 404) return 'absent';
    return { record: readRecord(sent.text), etag: bare(sent.etag) };
  }

  /**
   * Writes the record of a name, if what is there is still the one with this entity tag; undefined: nothing.
   * Rejects with `sharing-failed`; then nobody knows whether it was written. It is unsure as well where
   * another record is there, and an answer before that one was lost.
   */
  async write(
    at: Name,
    record: TierRecord,
    etag: string | undefined,
  ): Promise<{ etag: string | undefined } | { differs: true; isUnsure: boolean }> {
    // Ceph 16 compares the tag as it is sent, and AWS takes it without quotes as well.
    const condition = etag === undefined ? { 'if-none-match': '*' } : { 'if-match': etag };
    const fields = { ...condition, 'content-type': 'application/json' };
    const body = { text: JSON.stringify(record) };
    const asked: Asked = { method: 'PUT', path: recordPath(at), fields, body };
    const sent = expecting([200, 412, 404], asked, await this.send(asked));
    // 404: AWS says so of a condition on what is not there.
    if (sent.status === 412 || sent.status === 404) return { differs: true, isUnsure: sent.attempts > 1 };
    return { etag: bare(sent.etag) };
  }

  /**
   * Resolves when the store has the bytes, and collection keeps its hands off them for long enough that a
   * record can be written. Rejects with `sharing-failed`.
   */
  async keep({ digest, size, path }: Omit<SentFile, 'from'>): Promise<Kept> {
    if (size > mostBytes)
      throw new SealgateError('sharing-refused', `Objects of shared buckets have up to ${mostBytes} bytes.`);
    const body = { path, digest, size };
    let condemned = 0;
    for (let look = 0; look < mostLooks && condemned < looksAtCondemned; look++) {
      const now = { since: performance.now(), date: Date.now() };
      const is = look > 0 || size >= askFirstBytes ? await this.#look(digest) : 'absent';
      if (is === 'there') return now;
      if (is === 'absent' && (await this.#put(digest, body))) return now;
      if (is !== 'condemned') continue;
      condemned++;
      await wait(lookAgainAfter);
    }
    // Whoever deletes it may be gone, and its request on its way still. This key was never there.
    const place = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex');
    const now = { since: performance.now(), date: Date.now() };
    await this.#put(`${digest}.${place}`, body);
    return { place, ...now };
  }

  /** Whether what was kept is there still, now that a record names it. Rejects with `sharing-failed`. */
  async stillHas({ digest, place }: Pick<HeldRecord, 'digest' | 'place'>, kept: Kept): Promise<boolean> {
    const took = Math.max(performance.now() - kept.since, Date.now() - kept.date);
    if (place === kept.place && took < this.#sizes.sureMs) return true;
    return (await this.#look(blobKey(digest, place))) === 'there';
  }

  // The mark first: what is there after it was not condemned is not deleted before a record can name it.
  async #look(key: string): Promise<'there' | 'absent' | 'condemned'> {
    if (!(await this.#marks.spare(key))) return 'condemned';
    const asked: Asked = { method: 'HEAD', path: blobsBegin + key, fields: {} };
    const { status } = expecting([200, 404], asked, await this.send(asked));
    return status === 200 ? 'there' : 'absent';
  }

  /** @returns whether it was not there before, so that nobody has condemned it. */
  async #put(key: string, body: SentFile): Promise<boolean> {
    const path = blobsBegin + key;
    if (body.size > this.#sizes.atOnce) {
      const partBytes = Math.max(this.#sizes.part, Math.ceil(body.size / mostParts));
      const sent = await this.#answered(this.#upstream.sendParts({ path, body, partBytes }));
      expecting([200, 412], { method: 'POST', path }, sent);
      // Nobody says whether it took the place of another.
      return false;
    }
    // 412: it has them, and compared them with their digest when they came.
    const fields = { 'if-none-match': '*', 'content-type': 'application/octet-stream' };
    const asked: Asked = { method: 'PUT', path, fields, body };
    return expecting([200, 412], asked, await this.send(asked)).status === 200;
  }

  /** Fetches a blob, by its `blobKey`. Rejects with `sharing-failed` where the upstream is left alone. */
  async fetch(key: string, wanted: Pick<Wanted, 'take' | 'signal'>): Promise<Fetched> {
    try {
      return await this.#upstream.fetch({ ...wanted, path: blobsBegin + key, provable: true });
    } catch (error) {
      throw away(error);
    }
  }

  /**
   * Asks whether the store does what sharing rests on. Resolves with what is wrong with it, in a sentence;
   * undefined: nothing. Rejects with `sharing-failed` when it cannot be asked.
   */
  async probe(): Promise<string | undefined> {
    const path = `probe/${crypto.randomUUID()}`;
    const wrong = { 'x-amz-content-sha256': '0'.repeat(64) };
    const put = (fields: Record<string, string>, text: string) =>
      this.send({ method: 'PUT', path, fields, body: { text } });
    const first = await put({ 'if-none-match': '*' }, 'one');
    try {
      if (first.status !== 200) return `it answered ${first.status} to a new object`;
      const again = await put({ 'if-none-match': '*' }, 'two');
      if (again.status !== 412) return 'it overwrites objects that are to be new (If-None-Match: *)';
      const etag = bare(first.etag) ?? '';
      const next = await put({ 'if-match': etag }, 'three');
      if (next.status !== 200) return `it answered ${next.status} to a change of what it has (If-Match)`;
      const late = await put({ 'if-match': etag }, 'four');
      if (late.status !== 412) return 'it overwrites objects that have changed (If-Match)';
      const part = await this.send({ method: 'GET', path, fields: { range: 'bytes=0-0' } });
      if (part.status !== 206) return `it answered ${part.status} to a range`;
      const refused = await this.#upstream.send({
        ...{ method: 'PUT', path, fields: wrong, body: { text: 'five' } },
      });
      if (refused.kind === 'answered') return 'it takes other bytes than their SHA-256 says';
      return undefined;
    } finally {
      await this.#upstream.send({ method: 'DELETE', path, fields: {} }).catch(() => {});
    }
  }

  get name(): string {
    return this.#upstream.name;
  }

  /** Where its keys begin. */
  get root(): string {
    return this.#upstream.urlOf('');
  }

  /** Rejects with `sharing-failed`. */
  send(asked: Asked): Promise<Answered> {
    return this.#answered(this.#upstream.send(asked));
  }

  async #answered(sending: Promise<Sent>): Promise<Answered> {
    const sent = await sending.catch((error) => {
      throw away(error);
    });
    if (sent.kind === 'failed') throw sharingFailed(sent.fault, sent.message);
    return sent;
  }
}

/** Throws `sharing-failed` where an answer is none of those that say what has become of the request. */
function expecting(
  statuses: readonly number[],
  { method, path }: Pick<Asked, 'method' | 'path'>,
  sent: Answered,
): Answered {
  if (statuses.includes(sent.status)) return sent;
  throw sharingFailed('refused', `${method} ${path}: it answered ${sent.status}`);
}

/** What clients are told is the same for all faults: the log has the reason. */
export function sharingFailed(fault: FetchFault, message: string): SealgateError {
  return new SealgateError('sharing-failed', undefined, { retryAfter, cause: { fault, message } });
}

function away(error: unknown): unknown {
  if (!hasCode(error, 'upstream-busy')) return error;
  return new SealgateError('sharing-failed', undefined, {
    retryAfter: error.retryAfter ?? retryAfter,
    cause: error,
  });
}

function bare(etag: string | undefined): string | undefined {
  const tag = etag?.replaceAll('"', '');
  return tag === '' ? undefined : tag;
}

export const blobsBegin = 'sha256/';
export const recordsBegin = 'refs/';

/** The key of a blob, behind `blobsBegin`. @param place of a record. */
export function blobKey(digest: string, place: string | undefined): string {
  return place === undefined ? digest : `${digest}.${place}`;
}

/** Throws `target-invalid`. */
function recordPath({ bucket, name }: Name): string {
  const spare = mostKeyBytes - Buffer.byteLength(`${recordsBegin}${bucket}/`);
  if (Buffer.byteLength(name) > spare)
    throw new SealgateError('target-invalid', `Names of this shared bucket have up to ${spare} bytes.`);
  return `${recordsBegin}${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
}
