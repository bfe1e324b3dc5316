// Sender: sends a request that tells of changes, and says in a sentence why it was not taken.

import { Agent as HttpAgent, request as http } from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import type { Told } from './request.ts';

/** Most bytes of an answer that are read. */
const maxAnswer = 64 * 1024;

export interface Taken {
  /** Why it was not taken; absent: it was. */
  fault?: string;
  /** Milliseconds after which the receiver wants to be asked again. */
  after?: number;
}

export class Sender {
  // Hooks bound what is under way: a limit for a host would let one hook wait for another's requests.
  readonly #plain = new HttpAgent({ keepAlive: true });
  readonly #encrypted = new HttpsAgent({ keepAlive: true });

  close(): void {
    this.#plain.destroy();
    this.#encrypted.destroy();
  }

  async send(request: Told, timeoutMs: number, signal: AbortSignal): Promise<Taken> {
    const agent = request.url.startsWith('https:') ? this.#encrypted : this.#plain;
    try {
      const { status, text, retryAfter } = await exchange(request, { agent, timeoutMs, signal });
      if (isTaken(status)) return {};
      const said = text.replace(/[^ -~]+/g, ' ').trim();
      const fault = `it answered ${status}${said === '' ? '' : `: ${said}`}`;
      return retryAfter > 0 ? { fault, after: retryAfter * 1000 } : { fault };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { fault: `it cannot be reached (${message || code})` };
    }
  }
}

function isTaken(status: number): boolean {
  return status >= 200 && status < 300;
}

interface How {
  agent: HttpAgent | HttpsAgent;
  timeoutMs: number;
  signal: AbortSignal;
}

function exchange(
  { method, url, fields, body }: Told,
  { agent, timeoutMs, signal }: How,
): Promise<{ status: number; text: string; retryAfter: number }> {
  return new Promise((resolve, reject) => {
    const to = new URL(url);
    const isEncrypted = to.protocol === 'https:';
    const length = body !== '' || method === 'POST' || method === 'PUT';
    const headers = {
      ...(body !== '' && { 'Content-Type': 'application/json' }),
      ...fields,
      ...(length && { 'Content-Length': String(Buffer.byteLength(body)) }),
    };
    const asked = (isEncrypted ? https : http)(to, { method, headers, agent });
    const fail = (error: Error) => {
      settle();
      asked.destroy();
      reject(error);
    };
    const late = setTimeout(() => fail(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs);
    const ended = () => fail(new Error('the server ends'));
    signal.addEventListener('abort', ended, { once: true });
    const settle = () => {
      clearTimeout(late);
      signal.removeEventListener('abort', ended);
    };
    asked.on('error', (error) => {
      settle();
      reject(error);
    });
    asked.on('response', (response) => {
      const status = response.statusCode ?? 0;
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length <= maxAnswer) return;
        if (isTaken(status)) resolve({ status, text: '', retryAfter: 0 });
        fail(new Error('its answer is too long'));
      });
      response.on('error', fail);
      response.on('aborted', () => fail(new Error('its answer was cut off')));
      response.on('close', settle);
      response.on('end', () => {
        settle();
        const retryAfter = Number(response.headers['retry-after']);
        resolve({ status, text, retryAfter });
      });
    });
    asked.end(body === '' ? undefined : body);
  });
}
