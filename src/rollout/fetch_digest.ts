// fetchDigest: one fetch of the server's own, by the library that clients use: what came, and its SHA-256.

import { createHash } from 'node:crypto';
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import type { BoundListener } from '../native/addon.ts';

/** Milliseconds until the last byte. */
const patience = 30_000;

export interface Fetched {
  status: number;
  /** Of the body, 64 hex digits. */
  digest: string;
  body: Buffer;
}

export interface Fetch {
  listener: BoundListener;
  path: string;
  /** By it the engine knows the sentinel: in the handshake, in the clear as Host. */
  serverName: string;
  /** Bearer token; empty: none. */
  token: string;
  /** Bytes; a longer body is an error. */
  maxBytes: number;
}

/** Rejects when there is no whole response in time. */
export function fetchDigest({ listener, path, serverName, token, maxBytes }: Fetch): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const options = {
      host: reachable(listener.host),
      port: listener.port,
      path,
      agent: false as const,
      headers: {
        host: listener.tls ? 'localhost' : serverName,
        ...(token && { authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.timeout(patience),
    };
    // It knows whom it asks; the name is one that no certificate has.
    const asked = listener.tls
      ? https({ ...options, servername: serverName, rejectUnauthorized: false })
      : http(options);
    asked.on('error', reject);
    asked.on('response', (response) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes > maxBytes) response.destroy(new Error(`more than ${maxBytes} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(pieces);
        const digest = createHash('sha256').update(body).digest('hex');
        resolve({ status: response.statusCode ?? 0, digest, body });
      });
    });
    asked.end();
  });
}

/** A listener on all addresses is asked on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
