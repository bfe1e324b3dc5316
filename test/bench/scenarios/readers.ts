// Readers: many connections to a server of its own that a scenario opens itself, because the load client
// knows nothing of what they do.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Context } from '../context.ts';
import type { Row } from '../results.ts';
import { makeHome, type SealgateOptions, startSealgate } from '../servers/sealgate.ts';
import type { Protocol, Server } from '../servers/server.ts';

export interface Run {
  context: Context;
  name: string;
  server: Server;
  protocol: Protocol;
  token: string;
}

export async function withServer(
  context: Context,
  name: string,
  protocol: Protocol,
  about: Pick<SealgateOptions, 'sites' | 'buckets' | 'upstreams'>,
  run: (run: Run) => Promise<Row[]>,
): Promise<Row[]> {
  const site = context.separateSite(name);
  const home = `${site.work}/home`;
  makeHome(home);
  const server = await startSealgate(site, { home, ...about });
  try {
    return await run({ context, name, server, protocol, token: readFileSync(`${home}/token`, 'utf8') });
  } finally {
    await server.stop();
  }
}

export async function open(
  { server, protocol }: Run,
  name: string,
): Promise<{ socket: Socket; path: string }> {
  const { port, path } = server.address(name, protocol);
  const tls = protocol === 'tls';
  const to = { host: '127.0.0.1', port };
  const socket = tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  await once(socket, tls ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  return { socket, path };
}

/** Resolves when the reader has had so many bytes, of whatever kind. */
export function take(socket: Socket, bytes: number): Promise<void> {
  let left = bytes;
  return new Promise((resolve) => {
    const count = (piece: Buffer) => {
      left -= piece.length;
      if (left > 0) return;
      socket.off('data', count);
      resolve();
    };
    socket.on('data', count);
  });
}
