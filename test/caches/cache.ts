// A cache as people put before an origin: one of Debian's, as a child process on a free loopback port.
// Every answer says in X-Cache what the cache did, and every request that it sends on says in User-Agent
// who sent it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from '../support/runtime.ts';
import { freePort, type Response } from '../support/server.ts';
import { withLibraries } from '../support/unpacked.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

/** Where the origin is, and what a test wants of the caches before it. */
export interface Before {
  /** A folder for configurations and stored answers. */
  dir: string;
  /** The origin's ports, and the certificate that it shows. */
  plain: number;
  tls: number;
  certificate: string;
}

export class Cache {
  readonly name: string;
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(name: string, url: string, child: ChildProcess) {
    this.name = name;
    this.url = url;
    this.#child = child;
  }

  /**
   * Resolves when it accepts. Another program may take the port that was free: then it is tried with others.
   * @param commandFor the command for a port, of a process that stays in the foreground.
   */
  static async start(name: string, commandFor: (port: number) => Promise<string[]>): Promise<Cache> {
    for (let tries = 1; ; tries++) {
      const port = await freePort();
      const [program = '', ...args] = await commandFor(port);
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: withLibraries(program) });
      const said = [text(child.stdout), text(child.stderr)];
      const hasEnded = () => (child.exitCode ?? child.signalCode) !== null;
      await until(async () => hasEnded() || (await accepts(port)), Boolean, `${name} at port ${port}`);
      if (!hasEnded()) return new Cache(name, `http://127.0.0.1:${port}`, child);
      if (tries === 3) throw new Error(`${name} did not start:\n${said.map((each) => each()).join('')}`);
    }
  }

  /** What a client of its own gets for one request; `fields` are lines like `Range: bytes=0-1`. */
  ask(method: string, target: string, ...fields: string[]): Promise<Response> {
    return this.send(method, request(method, target, ...fields));
  }

  /** The answer to these bytes, sent on a connection of their own. */
  async send(method: string, bytes: string): Promise<Response> {
    const wire = await Wire.open(this.url);
    wire.send(bytes);
    return await wire.response(method).finally(() => wire.close());
  }

  get(target: string, ...fields: string[]): Promise<Response> {
    return this.ask('GET', target, ...fields);
  }

  async stop(): Promise<void> {
    if ((this.#child.exitCode ?? this.#child.signalCode) !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await exit;
    clearTimeout(late);
  }
}

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((accepted) => {
    socket.destroy();
    return accepted as boolean;
  });
}
