// Marks: what collection and writers say to each other of a blob in a shared store (tier.ts). A blob that no
// record names is marked as a candidate. A writer who counts on it turns the mark to spared; collection turns
// it to condemned before it deletes. Both are conditional on the mark that was read, so one of them is first,
// and the other one sees it.

import * as z from 'zod';
import type { Counting, Sent } from './fetching.ts';
import type { Asked } from './upstream.ts';

export type Answered = Extract<Sent, { kind: 'answered' }>;
export type Send = (asked: Asked) => Promise<Answered>;

const schema = z.object({
  format: z.literal(1),
  state: z.enum(['candidate', 'spared', 'condemned']),
  /** No two marks are the same bytes, which would have the same entity tag. */
  stamp: z.string().min(1).max(64),
});

export interface Mark {
  /** Unreadable: somebody else's, or a later program's. */
  state: z.infer<typeof schema>['state'] | 'unreadable';
  etag: string;
  /** When it was written, by the store's clock; milliseconds since the epoch. */
  modified: number;
}

export const marksBegin = 'gc/marks/';
/** How often a mark is looked at again that others have turned meanwhile. */
const mostTurns = 10;

export class Marks {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** @param key a blob's, behind `sha256/`. */
  async read(key: string): Promise<Mark | undefined> {
    const sent = await this.#send({ method: 'GET', path: marksBegin + key, fields: {} });
    if (sent.status === 404) return undefined;
    const { etag = '', modified } = sent;
    const state = modified !== undefined && etag !== '' ? stateOf(sent.text) : 'unreadable';
    return { state, etag: etag.replaceAll('"', ''), modified: modified ?? 0 };
  }

  /** Marks a blob that has no mark. @returns whether it was so. */
  async begin(key: string): Promise<boolean> {
    const { status } = await this.#write(key, 'candidate', { 'if-none-match': '*' });
    return status === 200;
  }

  /**
   * Turns the mark that was read. @returns when, by the store's clock; undefined: it has been turned or
   * removed meanwhile, or the answer to the first of several attempts was lost.
   */
  async turn(key: string, { etag }: Mark, state: 'candidate' | 'condemned' | 'spared') {
    const sent = await this.#write(key, state, { 'if-match': etag });
    return sent.status === 200 ? sent.date : undefined;
  }

  /** Has collection keep its hands off a blob. @returns false: it is being deleted. */
  async spare(key: string): Promise<boolean> {
    for (let turn = 0; turn < mostTurns; turn++) {
      const mark = await this.read(key);
      if (!mark || mark.state === 'spared') return true;
      if (mark.state !== 'candidate') return false;
      if ((await this.turn(key, mark, 'spared')) !== undefined) return true;
    }
    return false;
  }

  /**
   * Deletes a mark, or a blob, unless the request arrives late: a server may have stood still meanwhile.
   * @param counts from when it was found that it may go.
   */
  async delete(path: string, counts: Counting): Promise<void> {
    const { status } = await this.#send({ method: 'DELETE', path, fields: {}, counts });
    if (![200, 204, 404].includes(status)) throw new Error(`DELETE ${path}: it answered ${status}`);
  }

  #write(key: string, state: string, condition: Record<string, string>): Promise<Answered> {
    const text = JSON.stringify({ format: 1, state, stamp: crypto.randomUUID() });
    const fields = { ...condition, 'content-type': 'application/json' };
    return this.#send({ method: 'PUT', path: marksBegin + key, fields, body: { text } });
  }
}

function stateOf(text: string): Mark['state'] {
  try {
    return schema.parse(JSON.parse(text)).state;
  } catch {
    return 'unreadable';
  }
}
