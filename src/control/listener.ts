// The control listener: a node:http server on a loopback address or a unix socket, or on any address with
// TLS.

import { once } from 'node:events';
import { access, chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server as NetServer } from 'node:net';
import { dirname } from 'node:path';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { type ControlAddress, controlUrl } from '../control_address.ts';
import { readNamed } from '../regular_file.ts';
import { acceptingFor } from './accepting.ts';

/** Milliseconds within which a request head must arrive. */
const headersTimeout = 5_000;
/** Connections at a time: a control plane has few clients. */
const maxConnections = 256;

interface CertificateFiles {
  certificate: string;
  key: string;
}

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
  certificate: CertificateFiles,
  passed?: number,
): Promise<ControlListener> {
  const context = 'path' in address || !address.tls ? undefined : await contextOf(certificate);
  const { server, end } = serverFor(handledBy(load), context, passed !== undefined);
  try {
    if (passed !== undefined) await once(server.listen({ fd: passed }), 'listening');
    else if ('path' in address) await listenUnix(server, address.path);
    else await once(server.listen(address.port, address.host), 'listening');
  } catch (cause) {
    throw new Error(`control.listen: ${controlUrl(address)}: ${whyNot(cause as Error)}`, { cause });
  }
  const bound = 'path' in address ? address : { ...address, port: (server.address() as AddressInfo).port };
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closed(server, end);
    return closing;
  };
  return { url: controlUrl(bound), renewal: renewals(server, context, certificate), close };
}

/** Rejects when the certificate cannot be used, before the address can be had. */
export async function checkControl(control: { listen: ControlAddress } & CertificateFiles): Promise<void> {
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

// See ControlListener.renewal.
function renewals(server: NetServer, first: SecureContextOptions | undefined, files: CertificateFiles) {
  let inUse = first;
  const use = (context: SecureContextOptions) => {
    (server as TlsServer).setSecureContext(context);
    inUse = context;
  };
  return async () => {
    if (!inUse) return () => () => {};
    const made = await contextOf(files);
    createSecureContext(made);
    return () => {
      const before = inUse;
      use(made);
      return () => {
        if (before) use(before);
      };
    };
  };
}

/** @param isPassed it is to listen on a descriptor. */
function serverFor(
  handler: RequestListener,
  context: SecureContextOptions | undefined,
  isPassed: boolean,
): { server: NetServer; end(): void } {
  const isOther = isPassed && process.versions.bun !== undefined;
  const server = context && !isOther ? createTlsServer(context, handler) : createServer(handler);
  server.headersTimeout = headersTimeout;
  server.maxConnections = maxConnections;
  if (!isOther) return { server, end: () => server.closeAllConnections() };
  const { accepting, end } = acceptingFor(server, context);
  return { server: accepting, end };
}

async function contextOf({ certificate, key }: CertificateFiles) {
  return {
    cert: await readNamed(certificate),
    key: await readNamed(key),
    minVersion: 'TLSv1.2' as const,
  };
}

// The socket is for the server's own user only. A socket left by a killed server is removed.
async function listenUnix(server: NetServer, path: string): Promise<void> {
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

async function closed(server: NetServer, end: () => void): Promise<void> {
  const closing = once(server, 'close');
  server.close();
  end();
  await closing;
}
