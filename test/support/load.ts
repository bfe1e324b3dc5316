// Load: clients that ask a server all the time, each over connections of its own, and count what was not
// answered. A client does what HTTP/1.1 allows: a connection on which `Connection: close` came, or which
// ended before a request was sent, is not used again.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { flag, frame, Http2Wire, number32, request, statusOf, type } from './http2_wire.ts';

/** Milliseconds that an answer may take. */
const patience = 60_000;

export interface Answer {
  status: number;
  head: string;
  body: Buffer;
}

/** One connection, with one request at a time. */
class Connection {
  readonly #socket: Socket;
  #got = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece) => {
      this.#got = Buffer.concat([this.#got, piece]);
      this.#wake();
    });
    const over = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on('error', over).on('end', over).on('close', over);
  }

  static async to(port: number): Promise<Connection> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    return new Connection(socket);
  }

  get isUsable(): boolean {
    return !this.#isOver;
  }

  /** @param pieces of the request, with a pause between two. */
  async ask(...pieces: (string | Buffer)[]): Promise<Answer> {
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await pause(20);
      this.#socket.write(piece);
    }
    const late = setTimeout(() => this.#socket.destroy(), patience);
    try {
      const head = await this.#until(() => {
        const end = this.#got.indexOf('\r\n\r\n');
        return end < 0 ? undefined : this.#take(end + 4).toString('latin1');
      });
      const size = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const body = await this.#until(() => (this.#got.length < size ? undefined : this.#take(size)));
      if (/\r\nconnection: close/i.test(head)) this.close();
      return { status: Number(head.split(' ')[1]), head, body };
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  #take(bytes: number): Buffer {
    const taken = this.#got.subarray(0, bytes);
    this.#got = this.#got.subarray(bytes);
    return taken;
  }

  async #until<T>(found: () => T | undefined): Promise<T> {
    for (;;) {
      const value = found();
      if (value !== undefined) return value;
      if (this.#isOver) throw new Error(`the connection ended after ${this.#got.length} bytes of an answer`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A connection of HTTP/2, with one request at a time. */
class Http2Connection {
  readonly #wire: Http2Wire;
  #stream = -1;
  isUsable = true;

  private constructor(wire: Http2Wire) {
    this.#wire = wire;
  }

  static async to(port: number): Promise<Http2Connection> {
    return new Http2Connection(await Http2Wire.open(`http://127.0.0.1:${port}`));
  }

  /** Undefined: the server has said that it did not look at the request, which may be asked again. */
  async get(path: string): Promise<{ status: number; body: Buffer } | undefined> {
    this.#stream += 2;
    const stream = this.#stream;
    this.#wire.ask(stream, request('GET', path));
    const body: Buffer[] = [];
    let status = Number.NaN;
    let last = Number.POSITIVE_INFINITY;
    for (;;) {
      const got = await this.#wire.next();
      if (!got || got.type === type.reset) {
        this.close();
        if (stream > last) return undefined;
        throw new Error(`HTTP/2: the ${got ? 'stream' : 'connection'} ended before the answer`);
      }
      if (got.type === type.ping && (got.flags & flag.ack) === 0)
        this.#wire.send(frame(type.ping, flag.ack, 0, got.payload));
      if (got.type === type.goaway) {
        last = got.payload.readUInt32BE(0);
        this.isUsable = false;
      }
      if (got.stream !== stream) continue;
      if (got.type === type.headers) status = statusOf(got.payload);
      if (got.type === type.data) body.push(got.payload);
      if ((got.flags & flag.endStream) === 0) continue;
      const whole = Buffer.concat(body);
      if (whole.length > 0) this.#wire.send(frame(type.windowUpdate, 0, 0, number32(whole.length)));
      return { status, body: whole };
    }
  }

  close(): void {
    this.isUsable = false;
    this.#wire.close();
  }
}

export interface LoadOptions {
  port: number;
  token: string;
  /** A path that is there all the time, and its content. */
  there: { path: string; content: Buffer };
  /** The path of a name that may be overwritten. */
  moving: string;
  /** Below it names are made. */
  made: string;
  /** Clients that connect anew for each request, and those that keep their connection. */
  fresh: number;
  kept: number;
  /** Clients of HTTP/2. */
  http2: number;
  /** Clients that upload new names. */
  uploads: number;
}

export class Load {
  readonly #options: LoadOptions;
  readonly #ending = new AbortController();
  readonly #clients: Promise<void>[];
  readonly #http2 = new Map<number, Http2Connection>();
  readonly #version = { acknowledged: 0, next: 1 };
  answered = 0;
  /** What was not answered as it should be. */
  readonly lost: string[] = [];
  /** The names that were acknowledged, with their content. */
  readonly acknowledged: { path: string; content: string }[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    const many = (count: number, work: (client: number) => Promise<void>) =>
      Array.from({ length: count }, (_, client) => this.#repeat(() => work(client)));
    const connections = new Map<string, Connection>();
    const kept = async (key: string, ...pieces: (string | Buffer)[]) => {
      let connection = connections.get(key);
      if (!connection?.isUsable) connection = await Connection.to(options.port);
      connections.set(key, connection);
      return connection.ask(...pieces);
    };
    this.#clients = [
      ...many(options.fresh, async () => this.#isThere(await this.#once(this.#get(options.there.path)))),
      ...many(options.kept, async (client) =>
        this.#isThere(await kept(`get ${client}`, this.#get(options.there.path))),
      ),
      ...many(options.http2, (client) => this.#getByHttp2(client)),
      ...many(options.uploads, (client) =>
        this.#upload(
          client % 2 === 0 ? (...all) => this.#once(...all) : (...all) => kept(`put ${client}`, ...all),
        ),
      ),
      ...many(1, () => this.#overwrite((...all) => kept('overwrite', ...all))),
      ...many(2, async (client) => {
        const { acknowledged } = this.#version;
        this.#isNew(await kept(`moving ${client}`, this.#get(options.moving)), acknowledged);
      }),
    ];
  }

  /** How many there are. */
  get clients(): number {
    return this.#clients.length;
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#clients);
    for (const connection of this.#http2.values()) connection.close();
  }

  /** Asks for all that was acknowledged; resolves with what is not there. */
  async missing(): Promise<string[]> {
    const found: string[] = [];
    for (const { path, content } of this.acknowledged) {
      const { status, body } = await this.#once(this.#get(path));
      if (status !== 200 || body.toString() !== content) found.push(`${path}: ${status}`);
    }
    return found;
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        await work();
        this.answered++;
      } catch (error) {
        this.lost.push((error as Error).message);
      }
      await pause(2);
    }
  }

  #get(path: string): string {
    return `GET ${path} HTTP/1.1\r\nHost: load\r\n\r\n`;
  }

  #put(path: string, content: string): [string, string] {
    const half = content.length >> 1;
    const { token } = this.#options;
    const head = `PUT ${path} HTTP/1.1\r\nHost: load\r\nAuthorization: Bearer ${token}\r\n`;
    return [`${head}Content-Length: ${content.length}\r\n\r\n${content.slice(0, half)}`, content.slice(half)];
  }

  async #once(...pieces: (string | Buffer)[]): Promise<Answer> {
    const connection = await Connection.to(this.#options.port);
    try {
      return await connection.ask(...pieces);
    } finally {
      connection.close();
    }
  }

  async #getByHttp2(client: number): Promise<void> {
    let connection = this.#http2.get(client);
    if (!connection?.isUsable) {
      connection?.close();
      connection = await Http2Connection.to(this.#options.port);
    }
    this.#http2.set(client, connection);
    const answer = await connection.get(this.#options.there.path);
    if (answer) this.#isThere(answer);
  }

  #isThere({ status, body }: Pick<Answer, 'status' | 'body'>): void {
    if (status !== 200 || !body.equals(this.#options.there.content))
      throw new Error(`GET: ${status} with ${body.length} bytes`);
  }

  // A name that was overwritten is answered with what was acknowledged before it was asked for, or later.
  #isNew({ status, body }: Answer, acknowledged: number): void {
    if (status !== 200 && acknowledged > 0) throw new Error(`GET of a name that is there: ${status}`);
    if (status === 200 && Number(body.toString()) < acknowledged)
      throw new Error(`version ${body.toString()} after ${acknowledged} was acknowledged`);
  }

  async #upload(ask: (...pieces: string[]) => Promise<Answer>): Promise<void> {
    const path = `${this.#options.made}/${crypto.randomUUID()}`;
    const content = crypto.randomUUID().repeat(300);
    const { status, head, body } = await ask(...this.#put(path, content));
    if (status !== 201) throw new Error(`PUT: ${head}${body.toString()}`);
    this.acknowledged.push({ path, content });
  }

  async #overwrite(ask: (...pieces: string[]) => Promise<Answer>): Promise<void> {
    const version = this.#version.next++;
    const { status, head } = await ask(...this.#put(this.#options.moving, String(version).padStart(8, '0')));
    if (status !== 200 && status !== 201) throw new Error(`PUT of a version: ${head}`);
    this.#version.acknowledged = version;
  }
}
