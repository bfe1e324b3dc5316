// Shared by the TLS tests: openssl s_client as a client, and certificates with both key types.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { type Outcome, outcome, text } from '../support/runtime.ts';
import type { Site } from '../support/server.ts';
import { until } from '../support/wait.ts';

function client(url: string, site: Site, args: string[]) {
  const { host } = new URL(url);
  const to = ['-connect', host, '-servername', 'localhost'];
  const trust = ['-CAfile', site.certificate, '-verify_return_error'];
  return spawn('openssl', ['s_client', ...to, ...trust, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Sends `input` after the handshake and waits for the server to end the connection. */
export function exchange(url: string, site: Site, input: string, ...args: string[]): Promise<Outcome> {
  const child = client(url, site, ['-ign_eof', ...args]);
  // A refused client closes its standard input.
  child.stdin.on('error', () => {});
  child.stdin.write(input);
  return outcome(child).finally(() => child.stdin.destroy());
}

/** An s_client session that the test controls line by line. */
export interface Session {
  /** Types a line. A line that begins with `K`, `k`, `R` or `Q` is a command to s_client. */
  type(line: string): void;
  /** Resolves when the output has this number of matches. */
  shows(pattern: RegExp, times: number): Promise<void>;
  /** Stops reading the output of s_client, which then stops reading from the server. */
  pause(): void;
  resume(): void;
  ended(): Promise<Outcome>;
}

export function converse(url: string, site: Site, ...args: string[]): Session {
  const child = client(url, site, args);
  child.stdin.on('error', () => {});
  const output = [text(child.stdout), text(child.stderr)];
  const ended = outcome(child);
  const all = () => output.map((each) => each()).join('');
  return {
    type: (line) => child.stdin.write(`${line}\n`),
    shows: async (pattern, times) => {
      const count = () => [...all().matchAll(new RegExp(pattern, 'g'))].length;
      await until(count, (found) => found >= times, `${pattern} in\n${all()}`);
    },
    pause: () => child.stdout.pause(),
    resume: () => child.stdout.resume(),
    ended: () => ended,
  };
}

/** Replaces the ECDSA certificate that `init` made by a self-signed RSA certificate. */
export async function useRsa(site: Site): Promise<void> {
  const files = ['-keyout', join(site.dir, 'tls', 'key.pem'), '-out', site.certificate];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = await outcome(
    spawn('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...names, ...files]),
  );
  if (made.status !== 0) throw new Error(`openssl req: ${made.stderr}`);
}

/**
 * Sends a request with its body and closes without reading the response, as some encoders do. What the server
 * sent stays unread in the client's socket.
 */
export async function putAndLeave(
  to: ConnectionOptions & { port: number },
  path: string,
  token: string,
  body: Buffer,
): Promise<void> {
  const socket = connect({ ...to, host: '127.0.0.1', servername: 'localhost' });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const fields = [`Host: localhost`, `Authorization: Bearer ${token}`, `Content-Length: ${body.length}`];
  const head = Buffer.from(`PUT ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
  await new Promise((resolve) => socket.write(Buffer.concat([head, body]), resolve));
  socket.destroy();
}
