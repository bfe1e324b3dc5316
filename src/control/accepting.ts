// Accepting: what accepts connections for the control plane's server on Bun, where a server of node:http
// ignores a descriptor and listens elsewhere, but one of node:net or node:tls takes it, and hands each
// connection on. The peer's address stays what it is.

import type { Server } from 'node:http';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions } from 'node:tls';

/** What closes connections of a server that accepts no more. */
export interface ConnectionEnds {
  /** Those that had an answer and have no further request. */
  idle(): void;
  all(): void;
}

/** Milliseconds without a byte after which a connection is closed. Commands wait less for an answer. */
const idlePatience = 60_000;

/**
 * Listens nowhere yet.
 * @param server without TLS, and without a socket of its own.
 * @param context undefined: clients speak no TLS.
 */
export function acceptingFor(
  server: Server,
  context: SecureContextOptions | undefined,
): { accepting: NetServer; ends: ConnectionEnds } {
  const heads = new WeakMap<Socket, NodeJS.Timeout>();
  const open = new Set<Socket>();
  /** Those from which no request is expected, and none is being answered. */
  const idle = new Set<Socket>();
  const take = (socket: Socket) => {
    // Bun's server does not look at the clock of a connection that it did not accept.
    const late = setTimeout(() => socket.destroy(), server.headersTimeout);
    heads.set(socket, late);
    open.add(socket);
    socket.setTimeout(idlePatience, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(late);
      open.delete(socket);
      idle.delete(socket);
    });
    server.emit('connection', socket);
  };
  server.on('request', ({ socket }, response) => {
    clearTimeout(heads.get(socket));
    idle.delete(socket);
    response.once('close', () => {
      if (open.has(socket)) idle.add(socket);
    });
  });
  const accepting = context ? createTlsServer(context, take) : createServer(take);
  accepting.maxConnections = server.maxConnections;
  const destroy = (sockets: Iterable<Socket>) => {
    for (const socket of sockets) socket.destroy();
  };
  return { accepting, ends: { idle: () => destroy(idle), all: () => destroy(open) } };
}
