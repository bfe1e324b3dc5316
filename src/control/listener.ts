// The control listener: plain HTTP on a loopback address, by the runtime's own node:http.

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

/** Milliseconds for the head of a request, and connections at a time: its clients are few and near. */
const headersTimeout = 5_000;
const maxConnections = 256;

export interface ControlListener {
  /** `http://127.0.0.1:PORT` */
  url: string;
  close(): Promise<void>;
}

/** Rejects when the address is not loopback or cannot be bound. */
export async function listenControl(
  app: Pick<Hono, 'fetch'>,
  address: { host: string; port: number },
): Promise<ControlListener> {
  if (!isLoopback(address.host)) {
    throw new Error(
      `control.listen: ${address.host} is not a loopback address; the control plane has no TLS yet`,
    );
  }
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.headersTimeout = headersTimeout;
  server.maxConnections = maxConnections;
  server.listen(address.port, address.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://${urlHost(address.host)}:${port}`, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host);
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
