// Tier: an S3-compatible store that several servers share buckets over. It has blobs under their digests,
// which never change, and for each name a record that says what it points at. Every write is conditional: a
// request that arrives late, when nobody waits for it any more, changes nothing that was written since.

import { hasCode, SealgateError } from '../errors.ts';
import type { Name } from '../objects/objects.ts';
import type { Fetched, FetchFault, Sent } from './fetching.ts';
import { mostParts } from './parts.ts';
import { readRecord, type TierRecord } from './tier_record.ts';
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

export class Tier {
  readonly #upstream: Upstream;
  readonly #sizes: { atOnce: number; part: number };

  /** @param sizes bytes from which an object is sent in parts, and of these. */
  constructor(upstream: Upstream, sizes = { atOnce: mostAtOnce, part: leastPart }) {
    this.#upstream = upstream;
    this.#sizes = sizes;
  }

  /** The record of a name. Rejects with `sharing-failed`. @param etag that of the record which is known. */
  async read(at: Name, etag?: string): Promise<Read> {
    const fields = { ...(etag !== undefined && { 'if-none-match': `"${etag}"` }) };
    const sent = await this.#send({ method: 'GET', path: recordPath(at), fields });
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
    const sent = await this.#send({ method: 'PUT', path: recordPath(at), fields, body });
    // 404: AWS says so of a condition on what is not there.
    if (sent.status === 412 || sent.status === 404) return { differs: true, isUnsure: sent.attempts > 1 };
    return { etag: bare(sent.etag) };
  }

  /** Resolves when the store has the bytes. Rejects with `sharing-failed`. */
  async keep({ digest, size, path: file }: { digest: string; size: number; path: string }): Promise<void> {
    if (size > mostBytes)
      throw new SealgateError('sharing-refused', `Objects of shared buckets have up to ${mostBytes} bytes.`);
    const path = blobPath(digest);
    if (size >= askFirstBytes) {
      const { status } = await this.#send({ method: 'HEAD', path, fields: {} });
      if (status === 200) return;
    }
    const body = { path: file, digest, size };
    if (size > this.#sizes.atOnce) {
      const partBytes = Math.max(this.#sizes.part, Math.ceil(size / mostParts));
      await this.#answered(this.#upstream.sendParts({ path, body, partBytes }));
      return;
    }
    // 412: it has them, and compared them with their digest when they came.
    const fields = { 'if-none-match': '*', 'content-type': 'application/octet-stream' };
    await this.#send({ method: 'PUT', path, fields, body });
  }

  /** Fetches a blob. Rejects with `sharing-failed` where the upstream is left alone. */
  async fetch(digest: string, wanted: Pick<Wanted, 'take' | 'signal'>): Promise<Fetched> {
    try {
      return await this.#upstream.fetch({ ...wanted, path: blobPath(digest), provable: true });
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
      this.#send({ method: 'PUT', path, fields, body: { text } });
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
      const part = await this.#send({ method: 'GET', path, fields: { range: 'bytes=0-0' } });
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

  #send(asked: Asked): Promise<Extract<Sent, { kind: 'answered' }>> {
    return this.#answered(this.#upstream.send(asked));
  }

  async #answered(sending: Promise<Sent>): Promise<Extract<Sent, { kind: 'answered' }>> {
    const sent = await sending.catch((error) => {
      throw away(error);
    });
    if (sent.kind === 'failed') throw sharingFailed(sent.fault, sent.message);
    return sent;
  }
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

function blobPath(digest: string): string {
  return `sha256/${digest}`;
}

/** Throws `target-invalid`. */
function recordPath({ bucket, name }: Name): string {
  const spare = mostKeyBytes - Buffer.byteLength(`refs/${bucket}/`);
  if (Buffer.byteLength(name) > spare)
    throw new SealgateError('target-invalid', `Names of this shared bucket have up to ${spare} bytes.`);
  return `refs/${bucket}/${name.split('/').map(encodeURIComponent).join('/')}`;
}
