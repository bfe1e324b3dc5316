// The control listener: a node:http server on a socket of the process, which has a loopback address or a
// path, or with TLS any address.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as NetServer } from 'node:net';
import { createSecureContext, type SecureContextOptions, type Server as TlsServer } from 'node:tls';
import { type ControlAddress, controlUrl } from '../control_address.ts';
import { readNamed } from '../regular_file.ts';
import { acceptingFor, type ConnectionEnds } from './accepting.ts';

/** Milliseconds within which a request head must arrive. */
const headersTimeout = 5_000;
/** Milliseconds for which a connection may wait for its next request: longer than between two scrapes. */
const keepAliveTimeout = 65_000;
/** Milliseconds between two looks at which connections have no request any more. */
const lookEvery = 20;
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
  /**
   * Accepts no more. Requests have as many milliseconds to be answered, none by default. A second call joins
   * the first.
   */
  close(patience?: number): Promise<void>;
}

/** Where the listener is: its address with the actual port, and the socket, which the listener closes. */
export interface ControlSocket {
  address: ControlAddress;
  descriptor: number;
}

/**
 * Rejects when the certificate cannot be used.
 * @param load makes the request handler; called at the first request.
 */
export async function listenControl(
  load: () => Promise<RequestListener>,
  { address, descriptor }: ControlSocket,
  certificate: CertificateFiles,
): Promise<ControlListener> {
  const context = 'path' in address || !address.tls ? undefined : await contextOf(certificate);
  const { server, ends } = serverFor(handledBy(load), context);
  const url = controlUrl(address);
  try {
    await once(server.listen({ fd: descriptor }), 'listening');
  } catch (cause) {
    throw new Error(`control.listen: ${url}: ${(cause as Error).message}`, { cause });
  }
  let closing: Promise<void> | undefined;
  const close = (patience = 0) => {
    closing ??= closed(server, ends, patience);
    return closing;
  };
  return { url, renewal: renewals(server, context, certificate), close };
}

/** Rejects when the certificate cannot be used. */
export async function checkControl(control: { listen: ControlAddress } & CertificateFiles): Promise<void> {
  const { listen } = control;
  if (!('path' in listen) && listen.tls) createSecureContext(await contextOf(control));
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

function serverFor(
  handler: RequestListener,
  context: SecureContextOptions | undefined,
): { server: NetServer; ends: ConnectionEnds } {
  const relays = process.versions.bun !== undefined;
  const server = context && !relays ? createTlsServer(context, handler) : createServer(handler);
  server.headersTimeout = headersTimeout;
  server.keepAliveTimeout = keepAliveTimeout;
  server.maxConnections = maxConnections;
  const own = { idle: () => server.closeIdleConnections(), all: () => server.closeAllConnections() };
  if (!relays) return { server, ends: own };
  const { accepting, ends } = acceptingFor(server, context);
  return { server: accepting, ends };
}

async function contextOf({ certificate, key }: CertificateFiles) {
  return {
    cert: await readNamed(certificate),
    key: await readNamed(key),
    minVersion: 'TLSv1.2' as const,
  };
}

async function closed(server: NetServer, ends: ConnectionEnds, patience: number): Promise<void> {
  const closing = once(server, 'close');
  server.close();
  // A connection that waits for its first request is not idle: its client would take an end for a failure.
  ends.idle();
  const looking = setInterval(ends.idle, lookEvery);
  const late = setTimeout(ends.all, patience);
  await closing;
  clearInterval(looking);
  clearTimeout(late);
}
