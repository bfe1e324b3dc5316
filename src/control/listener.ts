// The control listener: a node:http server on a loopback address or a unix socket, or on any address with
// TLS.

import { once } from 'node:events';
import { access, chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { type ControlAddress, controlUrl } from '../control_address.ts';
import { readNamed } from '../regular_file.ts';

/** Milliseconds within which a request head must arrive. */
const headersTimeout = 5_000;
/** Connections at a time: a control plane has few clients. */
const maxConnections = 256;

export interface ControlListener {
  /** `http://127.0.0.1:PORT` with the actual port, or `unix:/PATH`. */
  url: string;
  /**
   * Reads certificate and key again if TLS is used. Rejects when they cannot be used. The result uses them,
   * and its result those before.
   */
  renewal(): Promise<() => () => void>;
  close(): Promise<void>;
}

/**
 * Rejects when the address cannot be bound or the certificate cannot be used.
 * @param load makes the request handler; called at the first request.
 * @param passed a descriptor of a socket that listens already, which the listener closes.
 */
export async function listenControl(
  load: () => Promise<RequestListener>,
  address: ControlAddress,
  certificate: { certificate: string; key: string },
  passed?: number,
): Promise<ControlListener> {
  const server = await serverFor(handledBy(load), address, certificate);
  const renewal = () => renewalOf(server, certificate);
  server.headersTimeout = headersTimeout;
  server.maxConnections = maxConnections;
  try {
    if (passed !== undefined) await once(server.listen({ fd: passed }), 'listening');
    else if ('path' in address) await listenUnix(server, address.path);
    else await once(server.listen(address.port, address.host), 'listening');
  } catch (cause) {
    throw new Error(`control.listen: ${controlUrl(address)}: ${whyNot(cause as Error)}`, { cause });
  }
  const bound = 'path' in address ? address : { ...address, port: (server.address() as AddressInfo).port };
  let closing: Promise<void> | undefined;
  const end = () => {
    closing ??= close(server);
    return closing;
  };
  return { url: controlUrl(bound), renewal, close: end };
}

/** Rejects when the certificate cannot be used, before the address can be had. */
export async function checkControl(control: {
  listen: ControlAddress;
  certificate: string;
  key: string;
}): Promise<void> {
  const { listen } = control;
  if (!('path' in listen) && listen.tls) createSecureContext(await contextOf(control));
}

// The runtimes' messages name neither the setting nor what to do.
function whyNot({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'is in use; end what listens there, or name another address (--control)';
  if (code === 'EADDRNOTAVAIL') return 'this host has no such address';
  if (code === 'ENOENT') return 'the folder of the socket does not exist';
  return code === undefined ? message : `cannot be used (${code})`;
}

function handledBy(load: () => Promise<RequestListener>): RequestListener {
  let loaded: Promise<RequestListener> | undefined;
  return async (request, response) => {
    loaded ??= load();
    const mine = loaded;
    try {
      (await mine)(request, response);
    } catch {
      // Loading may fail for lack of file descriptors or memory; the next request tries again.
      if (loaded === mine) loaded = undefined;
      response.writeHead(500).end();
    }
  };
}

/** What the servers have that use TLS. */
const contexts = new WeakMap<Server, SecureContextOptions>();

async function renewalOf(server: Server, files: { certificate: string; key: string }) {
  if (!(server instanceof TlsServer)) return () => () => {};
  const made = await contextOf(files);
  createSecureContext(made);
  return () => {
    const before = contexts.get(server);
    server.setSecureContext(made);
    contexts.set(server, made);
    return () => {
      if (before) server.setSecureContext(before);
    };
  };
}

async function serverFor(
  handler: RequestListener,
  address: ControlAddress,
  files: { certificate: string; key: string },
): Promise<Server> {
  if ('path' in address || !address.tls) return createServer(handler);
  const made = await contextOf(files);
  const server = createTlsServer(made, handler);
  contexts.set(server, made);
  return server;
}

async function contextOf({ certificate, key }: { certificate: string; key: string }) {
  return {
    cert: await readNamed(certificate),
    key: await readNamed(key),
    minVersion: 'TLSv1.2' as const,
  };
}

// The socket is for the server's own user only. A socket left by a killed server is removed.
async function listenUnix(server: Server, path: string): Promise<void> {
  // connect(2) also refuses when the path is another kind of file: only a socket may be removed.
  const there = await lstat(path).catch(() => undefined);
  if (there?.isSocket() && !(await answers(path))) await unlink(path).catch(() => {});
  // bind(2) tells that a folder is not there, but libuv makes EACCES of it.
  await access(dirname(path));
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
    // Other errors than "nobody listens" are left to listen(), which reports them.
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
