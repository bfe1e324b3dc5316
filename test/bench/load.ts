// LoadClient: runs load.cc against a server; its connections stay open between rounds.

import { createInterface, type Interface } from 'node:readline';
import { type Child, eager, isRunning, messages, startPinned, stop } from './processes.ts';
import type { Address, Protocol } from './servers/server.ts';
import { clientCore } from './site.ts';

export interface LoadOptions {
  connections?: number;
  /** Further connections that make one request and then stay idle. */
  idle?: number;
  /** How many numbers replace {} in the path. */
  objects?: number;
  /** Milliseconds between two requests of a connection; absent: no pause. */
  every?: number;
  /** A further field of each request, as `Accept: text/plain`. */
  field?: string;
}

/** The work of one round. */
export interface Work {
  requests: number;
  bytes: number;
  /** Microseconds. */
  p50: number;
  p99: number;
}

export type Limit = { seconds: number } | { requests: number };

/** A longer round is aborted. */
const roundTimeoutMs = 120_000;

export class LoadClient {
  readonly #child: Child;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(child: Child) {
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Opens the connections and makes one request on each. */
  static async start(address: Address, protocol: Protocol, options: LoadOptions = {}): Promise<LoadClient> {
    const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
    const command = [
      'build/bench/load',
      `${address.port}`,
      address.path,
      ...(protocol === 'tls' ? ['tls'] : []),
    ];
    const client = new LoadClient(startPinned(clientCore, [...eager, ...command, ...words]));
    await client.#line().catch(async (error) => {
      await client.close();
      throw error;
    });
    return client;
  }

  async run(limit: Limit): Promise<Work> {
    const [what, value] = Object.entries(limit)[0] ?? [];
    this.#child.stdin.write(`${what} ${value}\n`);
    return JSON.parse(await this.#line());
  }

  async close(): Promise<void> {
    this.#reader.close();
    await stop(this.#child);
  }

  async #line(): Promise<string> {
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), roundTimeoutMs);
    const { value, done } = await this.#lines.next();
    clearTimeout(deadline);
    if (done || !isRunning(this.#child)) throw new Error(`the client ended; see ${messages}`);
    return value;
  }
}
