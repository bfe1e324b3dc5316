// Mirror: how soon those who ask for an object that is not here have the first byte of it, after the
// upstream has sent that.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Row, rowOfValues } from '../results.ts';
import { GiB, KiB } from '../site.ts';
import { open, type Run, take, withServer } from './readers.ts';
import type { Scenario } from './scenario.ts';

const clients = 100;
const objects = 20;
/** Bytes that come at once; the rest of the object never does. */
const first = Buffer.alloc(64 * KiB);

export const mirror: Scenario[] = (['plain', 'tls'] as const).map((protocol) => ({
  name: `mirror first byte ${protocol}`,
  about: `an object that 1 or ${clients} clients ask for at once: from the upstream's first byte to theirs`,
  usual: protocol === 'tls',
  sizes: [],
  run: async (context) => {
    const upstream = await Upstream.start();
    const about = {
      upstreams: { origin: { url: upstream.url, attempts: 1, concurrency: 100 } },
      sites: [{ path: '/m/', protocol: 'mirror', bucket: 'mirror', upstreams: ['origin'] }],
      buckets: { mirror: 'versioned' },
    };
    const delays = (run: Run) => delaysOf(run, upstream);
    return withServer(context, `mirror first byte ${protocol}`, protocol, about, delays).finally(() =>
      upstream.stop(),
    );
  },
}));

class Upstream {
  readonly url: string;
  readonly #server: Server;
  /** When the first byte of a path was sent, by `performance.now()`. */
  readonly sent: ReadonlyMap<string, number>;

  private constructor(server: Server, sent: ReadonlyMap<string, number>) {
    this.#server = server;
    this.sent = sent;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async start(): Promise<Upstream> {
    const sent = new Map<string, number>();
    const server = createServer(({ url = '' }, response) => {
      response.writeHead(200, { 'content-length': GiB, 'cache-control': 'max-age=600', etag: '"one"' });
      sent.set(url, performance.now());
      response.write(first);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Upstream(server, sent);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Milliseconds. */
async function delaysOf(run: Run, upstream: Upstream): Promise<Row[]> {
  const ask = async (name: string, count: number) => {
    const sockets = await Promise.all(
      Array.from({ length: count }, async () => (await open(run, 'x')).socket),
    );
    const all = sockets.map(async (socket) => {
      // The head, and a byte behind it.
      const taken = take(socket, KiB);
      socket.write(`GET /m/${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await taken;
      return performance.now() - (upstream.sent.get(`/${name}`) ?? Number.NaN);
    });
    const delays = await Promise.all(all);
    for (const socket of sockets) socket.destroy();
    return delays;
  };
  const alone: number[] = [];
  const last: number[] = [];
  for (let object = 0; object < objects; object++) {
    alone.push(...(await ask(`alone${object}`, 1)));
    last.push(Math.max(...(await ask(`all${object}`, clients))));
  }
  return [
    rowOfValues(run.name, 'sealgate, 1 client', 'ms', alone),
    rowOfValues(run.name, `sealgate, last of ${clients}`, 'ms', last),
  ];
}
