// A way to an S3-compatible store on which answers are lost and bodies wait: the store does what it is asked,
// and who asked does not hear of it.

import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of an answer. */
type Loss = '503' | 'cut';

export class FaultyStore {
  readonly #url: URL;
  readonly #server = createServer((asked, answer) => void this.#pass(asked, answer));
  #loses: { how: Loss; then: () => Promise<void> } | undefined;
  /** Carried out by the store when this has resolved. */
  holds: (method: string, path: string) => Promise<void> | undefined = () => undefined;

  /** What is answered in place of what the store says; undefined: that. */
  answers: (path: string) => { status: number; body: string } | undefined = () => undefined;

  private constructor(url: string) {
    this.#url = new URL(url);
  }

  static async start(url: string): Promise<FaultyStore> {
    const store = new FaultyStore(url);
    store.#server.listen(0, '127.0.0.1');
    await once(store.#server, 'listening');
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** The next PUT of a record is carried out, and answered so. @param then what happens in between. */
  loseNextRecord(how: Loss = '503', then: () => Promise<void> = async () => {}): void {
    this.#loses = { how, then };
  }

  async #pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = asked;
    try {
      await this.holds(method, path);
      const instead = this.answers(path);
      if (instead) {
        asked.resume();
        answer.writeHead(instead.status, { date: new Date().toUTCString() }).end(instead.body);
        return;
      }
      const { hostname, port } = this.#url;
      const passed = request({ hostname, port, method, path, headers, agent: false });
      passed.on('error', () => answer.destroy());
      asked.pipe(passed);
      const [from] = (await once(passed, 'response')) as [IncomingMessage];
      const loses = method === 'PUT' && path.includes('/refs/') ? this.#loses : undefined;
      if (loses) {
        this.#loses = undefined;
        from.resume();
        await once(from, 'end');
        await loses.then();
        if (loses.how === '503') answer.writeHead(503).end();
        else answer.destroy();
        return;
      }
      answer.writeHead(from.statusCode ?? 0, from.headers);
      from.pipe(answer);
    } catch {
      answer.destroy();
    }
  }

  async end(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
