// The control listener: by the runtime's own node:http, on a loopback address, a unix socket, or with TLS
// anywhere.

import { once } from 'node:events';
import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { type ControlAddress, controlUrl } from '../control_address.ts';
import { readNamed } from '../regular_file.ts';

/** Milliseconds for the head of a request, and connections at a time: its clients are few and near. */
const headersTimeout = 5_000;
const maxConnections = 256;

export interface ControlListener {
  /** `http://127.0.0.1:PORT` with the port resolved, or `unix:/PATH`. */
  url: string;
  /** Reads certificate and key again, where there are any. Rejects when they cannot be used. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Rejects when the address cannot be bound, or the certificate not be used.
 * @param load asked once, by the first request.
 */
export async function listenControl(
  load: () => Promise<RequestListener>,
  address: ControlAddress,
  certificate: { certificate: string; key: string },
): Promise<ControlListener> {
  const server = await serverFor(handledBy(load), address, certificate);
  const reload = async () => {
    if (server instanceof TlsServer) server.setSecureContext(await contextOf(certificate));
  };
  server.headersTimeout = headersTimeout;
  server.maxConnections = maxConnections;
  if ('path' in address) {
    await listenUnix(server, address.path);
    return { url: controlUrl(address), reload, close: () => close(server) };
  }
  server.listen(address.port, address.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: controlUrl({ ...address, port }), reload, close: () => close(server) };
}

function handledBy(load: () => Promise<RequestListener>): RequestListener {
  let loaded: Promise<RequestListener> | undefined;
  return async (request, response) => {
    loaded ??= load();
    const mine = loaded;
    try {
      (await mine)(request, response);
    } catch {
      // What it lacked, files that may be opened or memory, may be there the next time.
      if (loaded === mine) loaded = undefined;
      response.writeHead(500).end();
    }
  };
}

async function serverFor(
  handler: RequestListener,
  address: ControlAddress,
  files: { certificate: string; key: string },
): Promise<Server> {
  if ('path' in address || !address.tls) return createServer(handler);
  return createTlsServer(await contextOf(files), handler);
}

async function contextOf({ certificate, key }: { certificate: string; key: string }) {
  return {
    cert: await readNamed(certificate),
    key: await readNamed(key),
    minVersion: 'TLSv1.2' as const,
  };
}

// For the user who runs the server alone. What a server that was killed left there is taken away.
async function listenUnix(server: Server, path: string): Promise<void> {
  // connect(2) refuses other files too: only a socket may be taken away.
  const there = await lstat(path).catch(() => undefined);
  if (there?.isSocket() && !(await answers(path))) await unlink(path).catch(() => {});
  const before = process.umask(0o177);
  try {
    server.listen(path);
    await once(server, 'listening');
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    // Anything but nobody listening is for listen() to say.
    return (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
