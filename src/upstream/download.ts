// Download: an object of an upstream into a staging file, as it arrives. A body that breaks off goes on where
// it ended, if the rest is of the same bytes for sure; else what has come of it is given up.

import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { addon, type Hashed, type StagedFile } from '../native/addon.ts';
import { Patience } from '../patience.ts';
import { Fault } from './fault.ts';
import type { Fetched, FetchTask, Offer, Taking, UpstreamHead } from './fetching.ts';
import { type Agents, openSource } from './source.ts';

/** Milliseconds before the second attempt; each further wait is twice as long. */
const firstWait = 200;
const longestWait = 10_000;
/** Bytes and milliseconds, of a body that is of no use. */
const shortBody = 64 * 1024;
const shortly = 2000;

/** What the application says of it. */
export interface Talk {
  /** Resolves with where the body goes; undefined: nobody wants it. */
  offer(offer: Offer): Promise<Taking | undefined>;
  /** Ends it, with the reason. */
  signal: AbortSignal;
}

export async function download(task: FetchTask, agents: Agents, talk: Talk): Promise<Fetched> {
  return new Download(task, agents, talk).run();
}

type Ended =
  | { kind: 'whole'; head: UpstreamHead; body: Hashed }
  | { kind: 'described' | 'not-modified' | 'absent'; head: UpstreamHead };

/** What has come of a body, and what the rest must belong to. */
interface Begun {
  file: StagedFile;
  head: UpstreamHead;
  size: number | undefined;
  /** A strong entity tag: under it there are no other bytes (RFC 9110 8.8.1). */
  etag: string | undefined;
}

class Download {
  readonly #task: FetchTask;
  readonly #agents: Agents;
  readonly #talk: Talk;
  #begun: Begun | undefined;
  #bytes = 0;
  #attempts = 0;

  constructor(task: FetchTask, agents: Agents, talk: Talk) {
    this.#task = task;
    this.#agents = agents;
    this.#talk = talk;
  }

  async run(): Promise<Fetched> {
    try {
      return { ...(await this.#persist()), ...this.#work() };
    } catch (error) {
      this.#begun?.file.discard();
      const why = error instanceof Fault ? error : new Fault('disk', (error as Error).message);
      const { fault, message, challenge, after, denied } = why;
      const { code } = error as NodeJS.ErrnoException;
      const told = { challenge, after, denied, ...(code && { code }) };
      return { kind: 'failed', fault, message, ...told, ...this.#work() };
    }
  }

  #work() {
    return { bytes: this.#bytes, attempts: this.#attempts };
  }

  async #persist(): Promise<Ended> {
    const { attempts } = this.#task.speaking;
    for (;;) {
      this.#attempts++;
      try {
        return await this.#attempt();
      } catch (error) {
        if (!(error instanceof Fault) || !error.passes || this.#attempts >= attempts) throw error;
        // It would be asked too early.
        if (error.after > longestWait) throw error;
        if (this.#begun && this.#begun.file.size > 0 && this.#begun.etag === undefined)
          throw new Fault('changed', `${error.message}; without a strong ETag the rest cannot be asked for`);
        await this.#pause(error.after);
      }
    }
  }

  async #pause(asked: number): Promise<void> {
    const { signal } = this.#talk;
    const usual = Math.min(firstWait * 2 ** (this.#attempts - 1), longestWait);
    // Those who failed together do not come again together.
    const [spread = 0] = crypto.getRandomValues(new Uint8Array(1));
    const ms = Math.min(Math.max(asked, (usual * (256 + spread)) / 512), longestWait);
    await wait(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) throw signal.reason;
  }

  async #attempt(): Promise<Ended> {
    const { url, accept, speaking, validators, method } = this.#task;
    const begun = this.#begun;
    const fields = begun ? restOf(begun) : conditionsOf(validators);
    const all = { ...fields, ...(accept !== undefined && { accept }) };
    const { response, isOwn } = await openSource(url, all, {
      ...{ speaking, agents: this.#agents, signal: this.#talk.signal, method },
    });
    try {
      return await this.#read(response, isOwn, begun);
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  async #read(response: IncomingMessage, isOwn: boolean, begun: Begun | undefined): Promise<Ended> {
    const head = headOf(response);
    const { status } = head;
    if (begun && (status === 200 || status === 206)) return this.#resume(response, head, begun);
    if (begun && status !== 429 && status < 500)
      throw new Fault('changed', `it answered ${status} when it was asked for the rest`);
    if (this.#task.method === 'HEAD' && (status === 200 || this.#isForGet(status)))
      return this.#describe(response, head);
    if (status === 200) return this.#begin(response, head);
    leave(response);
    if (status === 304 && this.#task.validators) return { kind: 'not-modified', head };
    if (status === 404 || status === 410) return { kind: 'absent', head };
    const passes = status === 429 || status === 408 || (status >= 500 && status !== 501);
    const after = secondsOf(head.fields['retry-after']);
    const challenge = status === 401 ? head.fields['www-authenticate'] : undefined;
    const hasToken = this.#task.speaking.authorization?.startsWith('Bearer ') === true;
    const denied = isOwn && hasToken && (status === 401 || status === 403);
    const further = { passes, after, challenge, denied };
    throw new Fault(passes ? 'status' : 'refused', `it answered ${status}`, further);
  }

  /** Whether it may be had by GET though HEAD is refused: a signed URL is good for one of them alone. */
  #isForGet(status: number): boolean {
    const isSigned = this.#task.speaking.headAtHome !== true && (status === 400 || status === 403);
    return isSigned || status === 405 || status === 501;
  }

  #describe(response: IncomingMessage, head: UpstreamHead): Ended {
    const { maxBytes } = this.#task.speaking;
    leave(response);
    if (head.status === 200) {
      if (Number(head.fields['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
      this.#check(head, undefined);
    }
    return { kind: 'described', head };
  }

  async #begin(response: IncomingMessage, head: UpstreamHead): Promise<Ended> {
    const { speaking } = this.#task;
    const { fields } = head;
    const size = fields['content-length'] === undefined ? undefined : Number(fields['content-length']);
    if (size !== undefined && size > speaking.maxBytes) throw tooLarge(speaking.maxBytes);
    this.#check(head, size);
    response.pause();
    const taking = await this.#talk.offer({ ...head, size });
    if (!taking) throw new Fault('canceled', 'the object is not taken');
    const { staging, digests, growing } = taking;
    const file = addon.stagedFile(staging, { expected: size ?? 0, digests, growing });
    this.#begun = { file, head, size, etag: strongTag(head) };
    return this.#fill(response, this.#begun, 0);
  }

  /** Throws when a body is not the object's own, or nothing says where it ends. @param size the object's. */
  #check({ fields }: UpstreamHead, size: number | undefined): void {
    const coding = fields['content-encoding'] ?? 'identity';
    if (coding.toLowerCase() !== 'identity')
      throw new Fault('coded', `it sent the object coded (${coding}) though it was asked not to`);
    const isFramed = fields['content-length'] !== undefined || fields['transfer-encoding'] !== undefined;
    if (size === undefined && !isFramed && !this.#task.provable)
      throw new Fault('unprovable', 'it says neither how long the object is nor where it ends');
  }

  #resume(response: IncomingMessage, { status, fields }: UpstreamHead, begun: Begun): Promise<Ended> {
    const { file, size, etag } = begun;
    this.#check({ status, fields }, size);
    if (file.size === 0) return this.#beginAgain(response, { status, fields }, begun);
    const other = new Fault('changed', 'it has other bytes now than when they began to come');
    if (fields.etag !== etag && (status === 200 || fields.etag !== undefined)) throw other;
    if (status === 206) {
      const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fields['content-range'] ?? '') ?? [];
      const isRest = Number(first) === file.size && Number(last) === Number(total) - 1;
      if (!isRest || (size !== undefined && Number(total) !== size))
        throw new Fault('changed', 'it sent another range than the rest that it was asked for');
      return this.#fill(response, begun, 0);
    }
    // It does not do ranges, or not now.
    if (size !== undefined && Number(fields['content-length'] ?? size) !== size) throw other;
    return this.#fill(response, begun, file.size);
  }

  /** No byte has come so far, so they may be any, of the length that was told. */
  #beginAgain(response: IncomingMessage, head: UpstreamHead, begun: Begun): Promise<Ended> {
    const length = head.fields['content-length'];
    if (head.status !== 200 || (begun.size !== undefined && Number(length) !== begun.size))
      throw new Fault('changed', 'it has another length now than it said before');
    begun.head = head;
    begun.etag = strongTag(head);
    return this.#fill(response, begun, 0);
  }

  /** @param known bytes at its start that are there already. */
  async #fill(response: IncomingMessage, begun: Begun, known: number): Promise<Ended> {
    const { file, head, size } = begun;
    const { idleMs, maxBytes } = this.#task.speaking;
    let skip = known;
    const take = (piece: Buffer) => {
      this.#bytes += piece.length;
      const fresh = skip > 0 ? piece.subarray(Math.min(skip, piece.length)) : piece;
      skip -= piece.length - fresh.length;
      if (fresh.length === 0) return;
      if (file.size + fresh.length > Math.min(maxBytes, size ?? maxBytes)) throw tooLarge(maxBytes);
      file.write(fresh);
    };
    await drain(response, take, idleMs, this.#talk.signal);
    if (size !== undefined && file.size !== size)
      throw new Fault('cut', `it ended after ${file.size} of ${size} bytes`, { passes: true });
    return { kind: 'whole', head, body: await file.finish() };
  }
}

function tooLarge(most: number): Fault {
  return new Fault('too-large', `it has more than the ${most} bytes that are taken`);
}

function conditionsOf({ etag, modified }: NonNullable<FetchTask['validators']> = {}): Record<string, string> {
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(modified !== undefined && { 'if-modified-since': modified }),
  };
}

function restOf({ file, etag }: Begun): Record<string, string> {
  if (file.size === 0 || etag === undefined) return {};
  return { range: `bytes=${file.size}-`, 'if-range': etag };
}

function strongTag({ fields: { etag } }: UpstreamHead): string | undefined {
  return etag?.startsWith('"') ? etag : undefined;
}

/** Reads what a short body still has, so that its connection can be used again. */
function leave(response: IncomingMessage): void {
  let left = shortBody;
  const end = () => response.destroy();
  const late = setTimeout(end, shortly);
  response.on('error', () => {});
  response.on('close', () => clearTimeout(late));
  response.on('data', (piece: Buffer) => {
    left -= piece.length;
    if (left < 0) end();
  });
}

function headOf({ statusCode = 0, headers }: IncomingMessage): UpstreamHead {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.join(', ') : value;
  return { status: statusCode, fields };
}

/** Milliseconds; a date is not waited for. */
function secondsOf(retryAfter: string | undefined): number {
  return /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : 0;
}

/** Reads a body to its end. Rejects with what `take` throws, and with a Fault when the body has no end. */
function drain(
  response: IncomingMessage,
  take: (piece: Buffer) => void,
  idleMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      settle();
      reject(error);
      response.destroy();
    };
    const cut = (error?: Error) =>
      fail(new Fault('cut', `it broke off${error?.message ? ` (${error.message})` : ''}`, { passes: true }));
    const idle = new Patience(idleMs, () =>
      fail(new Fault('late', 'it sent nothing more for too long', { passes: true })),
    );
    const giveUp = () => fail(signal.reason);
    const settle = () => {
      idle.end();
      signal.removeEventListener('abort', giveUp);
      // What comes now of it has no meaning any more, and no listener is an uncaught error.
      response.on('error', () => {});
    };
    signal.addEventListener('abort', giveUp, { once: true });
    response.on('data', (piece: Buffer) => {
      idle.note();
      try {
        take(piece);
      } catch (error) {
        fail(error);
      }
    });
    response.on('error', cut);
    response.on('aborted', () => cut());
    response.on('close', () => {
      if (!response.complete) cut();
    });
    response.on('end', () => {
      if (!response.complete) return cut();
      settle();
      resolve();
    });
    if (signal.aborted) giveUp();
    else response.resume();
  });
}
