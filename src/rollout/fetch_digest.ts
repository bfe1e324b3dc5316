// fetchDigest: the server fetches an object from itself with Node's HTTP client and hashes what arrives.

import { createHash } from 'node:crypto';
import { request as http } from 'node:http';
import { request as https } from 'node:https';
import type { ListenerOptions } from '../native/addon.ts';
import { within } from '../patience.ts';

/** Milliseconds within which the whole response must arrive. */
const longest = 30_000;

export interface Fetched {
  status: number;
  /** SHA-256 of the body, 64 hex digits. */
  digest: string;
  body: Buffer;
}

export interface Fetch {
  listener: ListenerOptions;
  path: string;
  /**
   * Marks the request as the sentinel's for the engine: the SNI name over TLS, the Host field without TLS. It
   * is Host in both, since no site has that name.
   */
  serverName: string;
  /** Bearer token; empty for a request without one. */
  token: string;
  /** Bytes; a longer body is an error. */
  maxBytes: number;
}

/** Rejects when no whole response arrives within 30 seconds, or when the body exceeds maxBytes. */
export async function fetchDigest(fetch: Fetch, patience = longest): Promise<Fetched> {
  const ending = new AbortController();
  try {
    return await within(patience, fetched(fetch, ending.signal));
  } catch (error) {
    ending.abort();
    throw error;
  }
}

function fetched(
  { listener, path, serverName, token, maxBytes }: Fetch,
  signal: AbortSignal,
): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const options = {
      host: reachable(listener.host),
      port: listener.port,
      path,
      agent: false as const,
      headers: {
        host: serverName,
        ...(token && { authorization: `Bearer ${token}` }),
      },
      signal,
    };
    // The certificate is not verified: the server asks itself, under a name that no certificate has.
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

/** The address to connect to: a listener on all addresses is reached over loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
