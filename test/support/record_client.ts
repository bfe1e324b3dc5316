// A TLS client that makes every record by hand (native/test/record_client.cc), and the suites it speaks.

import { spawn } from 'node:child_process';
import type { KtlsCipher } from '../../src/native/addon.ts';
import { outcome, root } from './runtime.ts';
import type { TestServer } from './server.ts';

export interface Suite {
  version: 'tls12' | 'tls13';
  cipher: KtlsCipher;
  /** OpenSSL's name. */
  name: string;
}

export const suites: Suite[] = [
  { version: 'tls13', cipher: 'AES-128-GCM', name: 'TLS_AES_128_GCM_SHA256' },
  { version: 'tls13', cipher: 'AES-256-GCM', name: 'TLS_AES_256_GCM_SHA384' },
  { version: 'tls13', cipher: 'ChaCha20-Poly1305', name: 'TLS_CHACHA20_POLY1305_SHA256' },
  { version: 'tls13', cipher: 'AES-128-CCM', name: 'TLS_AES_128_CCM_SHA256' },
  { version: 'tls12', cipher: 'AES-128-GCM', name: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
  { version: 'tls12', cipher: 'AES-256-GCM', name: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
  { version: 'tls12', cipher: 'ChaCha20-Poly1305', name: 'ECDHE-ECDSA-CHACHA20-POLY1305' },
  { version: 'tls12', cipher: 'AES-128-CCM', name: 'ECDHE-ECDSA-AES128-CCM' },
];
/** native/test/record_client.cc; resolves with the lines it printed. */
export function recordClient(
  server: TestServer,
  suite: Suite,
  ...commands: (string | number)[]
): Promise<string[]> {
  return recordClientFrom('127.0.0.1', server, suite, ...commands);
}

/** Runs record_client with one of this machine's addresses as its own. */
export async function recordClientFrom(
  source: string,
  server: TestServer,
  { version, name }: Suite,
  ...commands: (string | number)[]
): Promise<string[]> {
  const port = new URL(server.url).port;
  const args = ['127.0.0.1', port, version, name, ...commands.map(String)];
  const env = { ...process.env, SOURCE_ADDRESS: source };
  const { status, stdout, stderr } = await outcome(spawn(`${root}build/test/record_client`, args, { env }));
  if (status !== 0) throw new Error(`record_client ended with ${status}: ${stderr}${stdout}`);
  return stdout.trimEnd().split('\n');
}

/** What follows `word ` in the client's lines. */
export function said(lines: string[], word: string): string | undefined {
  return lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1);
}
