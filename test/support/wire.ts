// Wire: a client on a socket of its own that sends exactly the bytes it is given and reads responses by their
// framing alone, one after another.

import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { parseHead, type Response } from './server.ts';

/** Milliseconds without a byte in either direction, after which a wait fails. */
const patience = 30_000;
const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** How a connection ended; `silence`: it did not. */
export type End = 'end' | 'reset' | 'silence';

export class Wire {
  readonly socket: Socket;
  readonly #changes = new EventEmitter();
  #pieces: Buffer[] = [];
  #size = 0;
  #ended: End | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setTimeout(patience, () => this.#end('silence'));
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#size += piece.length;
      this.#changes.emit('change');
    });
    socket.on('end', () => this.#end('end'));
    socket.on('error', () => this.#end('reset'));
    socket.on('close', () => this.#end('reset'));
  }

  /** @param trust the certificate of an https: server, PEM. @param from own address; one of loopback. */
  static async open(url: string, trust?: string, from = '127.0.0.1'): Promise<Wire> {
    const { protocol, hostname: host, port } = new URL(url);
    const tls = protocol === 'https:';
    const to = { host, port: Number(port), ...(host === '127.0.0.1' && { localAddress: from }) };
    const socket = tls
      ? connectTls({ ...to, servername: 'localhost', ...(trust && { ca: trust }) })
      : connect(to);
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new Wire(socket);
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next response. @param method of the request, as the answer to HEAD has no body. */
  async response(method = 'GET'): Promise<Response> {
    const { status, headers } = await this.head();
    const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    const length = bodiless ? 0 : Number(headers.get('content-length') ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error(`a response without its length: ${status}`);
    return { status, headers, body: await this.bytes(length) };
  }

  /** The head of the next response, without its body. */
  async head(): Promise<Pick<Response, 'status' | 'headers'>> {
    return parseHead((await this.#takeTo(headEnd)).toString('latin1'));
  }

  /** So many bytes, once they are there. */
  async bytes(length: number): Promise<Buffer> {
    await this.#until(
      () => this.#size,
      (size) => size >= length,
    );
    return this.#take(length);
  }

  /** The next chunk of a body (RFC 9112 7.1); the last one is empty. */
  async chunk(): Promise<Buffer> {
    const size = Number.parseInt((await this.#takeTo(lineEnd)).toString('latin1'), 16);
    const chunk = await this.bytes(size);
    await this.bytes(lineEnd.length);
    return chunk;
  }

  /** A request of which only the target matters. */
  async get(target: string, ...fields: string[]): Promise<Response> {
    this.send(request('GET', target, ...fields));
    return this.response();
  }

  /** Waits for the server's end of the connection. Resolves with how it came and what no response held. */
  async ended(): Promise<{ by: End; rest: string }> {
    while (this.#ended === undefined) await once(this.#changes, 'change');
    return { by: this.#ended, rest: this.#received().toString('latin1') };
  }

  close(): void {
    this.socket.destroy();
  }

  /**
   * Ends the connection with a reset, as when a client's machine fails. TLS sockets have no call for it;
   * theirs are reset by the kernel when something came that was not read.
   */
  reset(): void {
    if (this.socket instanceof TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #end(how: End): void {
    this.#ended ??= how;
    this.#changes.emit('change');
  }

  /** What comes up to and with an end. */
  async #takeTo(end: Buffer): Promise<Buffer> {
    const at = await this.#until(
      () => this.#received().indexOf(end),
      (found) => found >= 0,
    );
    return this.#take(at + end.length);
  }

  async #until(measure: () => number, enough: (value: number) => boolean): Promise<number> {
    for (;;) {
      const value = measure();
      if (enough(value)) return value;
      if (this.#ended !== undefined) {
        const begin = JSON.stringify(this.#received().toString('latin1', 0, 200));
        throw new Error(`${this.#ended} instead of a whole response, after ${this.#size} bytes: ${begin}`);
      }
      await once(this.#changes, 'change');
    }
  }

  /** What came and was not taken, joined only when somebody looks: large bodies come in many pieces. */
  #received(): Buffer {
    const [first = Buffer.alloc(0), ...more] = this.#pieces;
    const joined = more.length === 0 ? first : Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  #take(size: number): Buffer {
    const received = this.#received();
    this.#pieces = [received.subarray(size)];
    this.#size -= size;
    return received.subarray(0, size);
  }
}

/** A request head; `fields` are lines like `Range: bytes=0-1`. One that names no host is for localhost. */
export function request(method: string, target: string, ...fields: string[]): string {
  const host = fields.some((field) => /^host:/i.test(field)) ? [] : ['Host: localhost'];
  return `${[`${method} ${target} HTTP/1.1`, ...host, ...fields].join('\r\n')}\r\n\r\n`;
}
