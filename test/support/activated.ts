// `serve` under systemd-socket-activate, which makes its sockets and starts it at the first connection.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cliCommand, root } from './runtime.ts';
import type { Site } from './server.ts';
import { programOf, withLibraries } from './unpacked.ts';

const program = programOf('systemd', 'usr/bin/systemd-socket-activate');
const { LD_LIBRARY_PATH: beside } = withLibraries(program);
const libraries = `${beside}:${join(program, '../../lib/x86_64-linux-gnu/systemd')}`;

/** @param passed the arguments of systemd-socket-activate, and then those of `serve`. */
export function activated(site: Site, passed: string[], ...args: string[]): ChildProcess {
  const [cli, words] = cliCommand(['serve', '--config', site.config, ...args]);
  return spawn(program, [...passed, cli, ...words], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  });
}

/** Resolves when somebody listens there. */
export async function knock(at: number | string): Promise<void> {
  for (let accepted = false; !accepted; ) {
    const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1');
    accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (!accepted) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves when the server has said where it listens. */
export function announced(child: ChildProcess): Promise<unknown> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  return once(lines, 'line');
}
