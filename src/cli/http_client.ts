// HttpClient: requests to a server with timeouts and retries, whose errors are sentences. Uses node:http and
// node:https, which behave alike on all runtimes.

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as http,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Patience, within } from '../patience.ts';
import { faultOf, type ServerFault } from './http_faults.ts';

/** Milliseconds without a byte in either direction. Storing an upload may take a server this long. */
const longest = 120_000;
const maxAnswer = 16 * 1024 * 1024;
export const maxAttempts = 5;
/** Milliseconds before the second attempt; the pause doubles for each further attempt. */
const firstPause = 250;
const maxPause = 30_000;
/** Milliseconds to wait for 100 (Continue); then the body is sent without it (RFC 9110 section 10.1.1). */
const continuePatience = 1_000;
/** Most sockets at a time. */
const sockets = 32;

/** On Deno 2.9 a request after a download and an upload on one connection is never answered. */
const keepAlive = process.versions.deno === undefined;

const worthAnother = new Set([408, 429, 502, 503, 504]);

export interface Trust {
  token?: string | undefined;
  /** PEM certificates of trusted CAs; undefined: the CAs that the runtime trusts. */
  ca?: string[] | undefined;
  /** The name that the server's certificate must contain, if the URL has an IP address. */
  servername?: string | undefined;
}

export interface Question {
  method: string;
  path: string;
  headers?: Record<string, string>;
  /** `open` is called for each attempt. */
  body?: { size: number; open: () => Readable };
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export class HttpClient {
  /** The server; its path is where the paths of questions begin. */
  readonly url: URL;
  /** That path without a slash at its end. */
  readonly prefix: string;
  readonly #options: RequestOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #patience: number;
  /** Whether the server has responded before: later failures are then worth a retry. */
  #reached = false;

  /** @param patience milliseconds without a byte in either direction, after which an attempt has failed. */
  constructor(url: URL, { token, ca, servername }: Trust, patience = longest) {
    this.url = url;
    this.prefix = url.pathname.replace(/\/$/, '');
    const encrypted = url.protocol === 'https:';
    const trust = { ...(ca && { ca }), ...(servername !== undefined && { servername }) };
    this.#agent = encrypted
      ? new HttpsAgent({ keepAlive, maxSockets: sockets, ...trust })
      : new HttpAgent({ keepAlive, maxSockets: sockets });
    this.#patience = patience;
    this.#options = {
      agent: this.#agent,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(encrypted && trust),
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The complete response, whatever its status. Rejects with a ServerFault when there is none. */
  ask(question: Question): Promise<Reply> {
    return this.#tryAgain(question, async () => {
      const response = await this.#send(question);
      const text = await textOf(response, this.#patience);
      return { status: response.statusCode ?? 0, headers: response.headers, text };
    });
  }

  /** Resolves with the response when its head has arrived; `bytes` reads its body. */
  open(question: Question): Promise<IncomingMessage> {
    return this.#tryAgain(question, () => this.#send(question));
  }

  /** Rejects when the body is cut off, or nothing of it comes for too long; the reader may take its time. */
  async *bytes(response: IncomingMessage): AsyncGenerator<Buffer> {
    const pieces: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
    let isRead = false;
    try {
      for (;;) {
        const next = await within(this.#patience, pieces.next());
        isRead = next.done === true;
        if (next.done) return;
        yield next.value;
      }
    } finally {
      if (!isRead) response.destroy();
    }
  }

  async #tryAgain<R extends Reply | IncomingMessage>(
    { method, path }: Question,
    attempt: () => Promise<R>,
  ): Promise<R> {
    for (let made = 1; ; made++) {
      let after: number | undefined;
      try {
        const reply = await attempt();
        this.#reached = true;
        const status = 'statusCode' in reply ? (reply.statusCode ?? 0) : (reply as Reply).status;
        if (!worthAnother.has(status) || made === maxAttempts) return reply;
        if ('resume' in reply) reply.resume();
        after = Number(reply.headers['retry-after']) * 1000;
      } catch (cause) {
        // A local file that cannot be read is not the server's fault.
        if ((cause as NodeJS.ErrnoException).path !== undefined) throw cause;
        const fault: ServerFault = faultOf(cause, this.url, `${method} ${path}`);
        const pointless = fault.lasting || (fault.absent && !this.#reached);
        if (pointless || made === maxAttempts) throw fault;
      }
      const pause = Number.isFinite(after) ? Number(after) : firstPause * 2 ** (made - 1);
      await sleep(Math.min(pause, maxPause));
    }
  }

  #send({ method, path, headers, body }: Question): Promise<IncomingMessage> {
    const fields = {
      ...this.#options.headers,
      ...headers,
      ...(body && { 'content-length': String(body.size) }),
      ...(body && body.size > 0 && { expect: '100-continue' }),
    };
    return new Promise((resolve, reject) => {
      const open = this.url.protocol === 'https:' ? https : http;
      const asked = open(new URL(this.prefix + path, this.url), {
        ...this.#options,
        method,
        headers: fields,
      });
      let answered = false;
      const patience = new Patience(this.#patience, (why) => {
        reject(why);
        asked.destroy(why);
      });
      asked.on('error', (error) => {
        patience.end();
        reject(error);
      });
      asked.on('response', (response) => {
        patience.end();
        answered = true;
        resolve(response);
      });
      if (!body) asked.end();
      else sendBody(asked, body, () => answered, patience.note);
    });
  }
}

// The body is sent after 100 (Continue), so that a server can refuse an upload before gigabytes are sent.
function sendBody(
  asked: ClientRequest,
  { size, open }: { size: number; open: () => Readable },
  isAnswered: () => boolean,
  onSent: () => void,
): void {
  if (size === 0) {
    asked.end();
    return;
  }
  let begun = false;
  const begin = () => {
    if (begun || isAnswered()) return;
    begun = true;
    const source = open();
    let sent = 0;
    source.on('data', (piece: Buffer) => {
      onSent();
      sent += piece.length;
    });
    source.on('error', (error) => asked.destroy(error));
    source.on('end', () => {
      if (sent !== size)
        asked.destroy(new Error(`the file changed while it was sent: ${sent} of ${size} bytes`));
    });
    asked.on('close', () => source.destroy());
    source.pipe(asked);
  };
  const late = setTimeout(begin, continuePatience);
  asked.on('continue', begin);
  asked.on('close', () => clearTimeout(late));
  asked.on('response', (response) => {
    clearTimeout(late);
    // The server responded before it took the whole body, so the connection cannot be used again.
    response.on('end', () => {
      if (!asked.writableFinished) asked.destroy();
    });
  });
  asked.flushHeaders();
}

/** The whole body. Rejects when it is cut off or too long, or nothing of it comes for `ms` milliseconds. */
export function textOf(response: IncomingMessage, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const fail = (why: Error) => {
      patience.end();
      reject(why);
    };
    const patience = new Patience(ms, (why) => {
      reject(why);
      response.destroy();
    });
    response.on('data', (piece: Buffer) => {
      patience.note();
      pieces.push(piece);
      size += piece.length;
      if (size > maxAnswer) response.destroy(new Error('the answer is too long'));
    });
    response.on('error', fail);
    response.on('aborted', () => fail(new Error('the answer was cut off')));
    response.on('end', () => {
      const promised = Number(response.headers['content-length'] ?? size);
      if (promised !== size && response.statusCode !== 304 && size !== 0)
        return fail(new Error(`the answer was cut off: ${size} of ${promised} bytes`));
      patience.end();
      resolve(Buffer.concat(pieces).toString());
    });
  });
}
