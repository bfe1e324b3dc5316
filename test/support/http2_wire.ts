// Http2Wire: a client on a socket of its own that sends exactly the frames it is given (RFC 9113 4) and reads
// frames one after another. It answers nothing by itself: no SETTINGS, no PING, no WINDOW_UPDATE.

import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  priorityUpdate: 16,
} as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;
/** RFC 9113 7. */
export const code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControl: 3,
  refused: 7,
  cancel: 8,
  calm: 11,
} as const;

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

export type Field = readonly [name: string, value: string];

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const headerSize = 9;
/** Milliseconds without a byte, after which a wait fails. */
const patience = 30_000;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)) {
  const header = Buffer.alloc(headerSize);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function integer(first: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

const text = (value: string) => {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(0, 7, bytes.length), bytes]);
};

/** Literals without indexing (RFC 7541 6.2.2), nothing compressed. */
export function block(...fields: Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** One that later blocks name by 62 (RFC 7541 6.2.1). */
export function indexed([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

export function request(method: string, path: string, ...fields: Field[]): Field[] {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'localhost'], ...fields];
}

// The codes of the digits (RFC 7541, appendix B).
const digits = [
  '00000',
  '00001',
  '00010',
  '011001',
  '011010',
  '011011',
  '011100',
  '011101',
  '011110',
  '011111',
];
const indexedStatus = [200, 204, 206, 304, 400, 404, 500];

/** The status with which a block begins; the client has no dynamic table, so it is indexed or a literal. */
export function statusOf(given: Buffer): number {
  let at = 0;
  while (((given[at] ?? 0) & 0xe0) === 0x20) at++; // sizes of the table
  const first = given[at] ?? 0;
  if ((first & 0x80) !== 0) return indexedStatus[(first & 0x7f) - 8] ?? Number.NaN;
  const length = (given[at + 1] ?? 0) & 0x7f;
  const value = given.subarray(at + 2, at + 2 + length);
  if (((given[at + 1] ?? 0) & 0x80) === 0) return Number(value.toString('latin1'));
  let bits = [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let status = '';
  while (status.length < 3) {
    const digit = digits.findIndex((coded) => bits.startsWith(coded));
    if (digit < 0) return Number.NaN;
    status += digit;
    bits = bits.slice(digits[digit]?.length);
  }
  return Number(status);
}

export class Http2Wire {
  readonly socket: Socket;
  readonly #changes = new EventEmitter();
  #received = Buffer.alloc(0);
  #ended: 'end' | 'reset' | 'silence' | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setTimeout(patience, () => this.#end('silence'));
    socket.on('data', (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#changes.emit('change');
    });
    socket.on('end', () => this.#end('end'));
    socket.on('error', () => this.#end('reset'));
    socket.on('close', () => this.#end('reset'));
  }

  /** Sends nothing yet. @param trust the certificate of an https: server, PEM. */
  static async connect(url: string, trust?: string): Promise<Http2Wire> {
    const { protocol, hostname: host, port } = new URL(url);
    // Without delay: a frame that waits for an acknowledgement would be lost with a client that leaves.
    const to = { host, port: Number(port), noDelay: true };
    const tls = protocol === 'https:';
    const socket = tls
      ? connectTls({ ...to, servername: 'localhost', ALPNProtocols: ['h2'], ...(trust && { ca: trust }) })
      : connect(to);
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new Http2Wire(socket);
  }

  /**
   * Begins with the preface and SETTINGS, without a dynamic table for heads.
   * @param settings further ones, by their numbers (RFC 9113 6.5.2).
   */
  static async open(url: string, settings: Record<number, number> = {}, trust?: string): Promise<Http2Wire> {
    const wire = await Http2Wire.connect(url, trust);
    const entries = Object.entries({ 1: 0, ...settings }).map(([id, value]) => {
      return Buffer.concat([number32(Number(id)).subarray(2), number32(value)]);
    });
    wire.send(preface, frame(type.settings, 0, 0, Buffer.concat(entries)), frame(type.settings, flag.ack, 0));
    return wire;
  }

  send(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** A request without a body. */
  ask(stream: number, fields: readonly Field[]): void {
    this.send(frame(type.headers, flag.endHeaders | flag.endStream, stream, block(...fields)));
  }

  /** The head of a request whose body follows. */
  begin(stream: number, fields: readonly Field[]): void {
    this.send(frame(type.headers, flag.endHeaders, stream, block(...fields)));
  }

  /** The next frame; undefined when the connection has ended. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const size =
        this.#received.length >= headerSize ? this.#received.readUIntBE(0, 3) : Number.POSITIVE_INFINITY;
      if (this.#received.length >= headerSize + size) break;
      if (this.#ended !== undefined) return undefined;
      await once(this.#changes, 'change');
    }
    const size = this.#received.readUIntBE(0, 3);
    const header = this.#received.subarray(0, headerSize);
    const payload = this.#received.subarray(headerSize, headerSize + size);
    this.#received = this.#received.subarray(headerSize + size);
    return {
      type: header.readUInt8(3),
      flags: header.readUInt8(4),
      stream: header.readUInt32BE(5),
      payload: Buffer.from(payload),
    };
  }

  /** The next frame that is wanted; others are dropped. Fails when the connection ends before. */
  async until(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const next = await this.next();
      if (!next) throw new Error(`${this.#ended} before the frame that was waited for`);
      if (wanted(next)) return next;
    }
  }

  /** The status of a stream's answer, and its body when it has come to its end. */
  async answer(stream: number): Promise<{ status: number; body: Buffer }> {
    let status = Number.NaN;
    const pieces: Buffer[] = [];
    for (;;) {
      const got = await this.until((each) => each.stream === stream);
      if (got.type === type.reset) throw new Error(`reset by ${got.payload.readUInt32BE(0)}`);
      if (got.type === type.headers) status = statusOf(got.payload);
      if (got.type === type.data) pieces.push(got.payload);
      if ((got.type === type.headers || got.type === type.data) && (got.flags & flag.endStream) !== 0)
        return { status, body: Buffer.concat(pieces) };
    }
  }

  async status(stream: number): Promise<number> {
    return (await this.answer(stream)).status;
  }

  /** The code by which the server resets a stream. */
  async resetOf(stream: number): Promise<number> {
    const got = await this.until((each) => each.type === type.reset && each.stream === stream);
    return got.payload.readUInt32BE(0);
  }

  /** Waits for the end of the connection. Resolves with the last GOAWAY's code, and how the end came. */
  async ended(): Promise<{ goaway: number | undefined; by: string | undefined }> {
    let goaway: number | undefined;
    for (let got = await this.next(); got; got = await this.next()) {
      if (got.type === type.goaway) goaway = got.payload.readUInt32BE(4);
    }
    return { goaway, by: this.#ended };
  }

  close(): void {
    this.socket.destroy();
  }

  #end(how: 'end' | 'reset' | 'silence'): void {
    this.#ended ??= how;
    this.#changes.emit('change');
  }
}
