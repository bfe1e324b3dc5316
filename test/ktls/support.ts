// What the tests about kernel TLS share: servers in every mode, a client that makes records by hand, and what
// the kernel counts. They run on Node alone: what they test is the engine, which is one binary for all
// runtimes, and the kernels they run in are slow.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addon, type KtlsCipher, type KtlsPolicy } from '../../src/native/addon.ts';
import { outcome, root } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';

/** Who sends and who receives on the server's side. */
export type Mode = 'user' | 'ktls-tx' | 'ktls-rx' | 'ktls-txrx';
export const modes: Mode[] = ['user', 'ktls-tx', 'ktls-rx', 'ktls-txrx'];

const policies: Record<Mode, Partial<KtlsPolicy>> = {
  user: { mode: 'off' },
  'ktls-tx': { mode: 'require', rx: false },
  'ktls-rx': { mode: 'require', tx: false },
  'ktls-txrx': { mode: 'require' },
};

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
const namesOf = (version: Suite['version']) =>
  suites.filter((suite) => suite.version === version).map(({ name }) => name);

/** curl's flags that leave it no other choice. */
export function curlFlags({ version, name }: Suite): string[] {
  return version === 'tls13'
    ? ['--tlsv1.3', '--tls13-ciphers', name]
    : ['--tlsv1.2', '--tls-max', '1.2', '--ciphers', name];
}

/** Whether this kernel can replace a key (TLS 1.3), by the probe. */
export const kernelRekeys = addon.probeKtls().some(({ rekeys }) => rekeys);

/** A server whose every response goes by the mode's path, with `settings` over ktls.*. */
export async function startServer(
  mode: Mode,
  settings: Partial<KtlsPolicy> = {},
): Promise<{ site: Site; server: TestServer }> {
  const site = await createSite();
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.ktls = { minBytes: 0, ...policies[mode], ...settings };
  config.tls = {
    ...config.tls,
    cipherSuites: namesOf('tls13').join(':'),
    ciphers: namesOf('tls12').join(':'),
  };
  await writeFile(site.config, JSON.stringify(config));
  return { site, server: await TestServer.start(site, '--workers', '1') };
}

/** A file of random bytes, uploaded as `/o/files/{name}`. */
export async function sample(
  site: Site,
  server: TestServer,
  name: string,
  size: number,
): Promise<{ path: string; digest: string; bytes: Buffer }> {
  const bytes = randomFillSync(Buffer.alloc(size));
  const file = join(site.dir, name);
  await writeFile(file, bytes);
  await upload(server, name, file);
  return { path: `/o/files/${name}`, digest: sha256(bytes), bytes };
}

/** The same without its bytes in memory; `blob` is where they are. These kernels have little memory. */
export async function largeSample(
  site: Site,
  server: TestServer,
  name: string,
  size: number,
): Promise<{ path: string; digest: string; blob: string }> {
  const file = join(site.dir, name);
  const hash = createHash('sha256');
  const piece = Buffer.alloc(2 ** 20);
  for (let at = 0; at < size; at += piece.length) {
    randomFillSync(piece);
    hash.update(piece);
    await appendFile(file, piece);
  }
  await upload(server, name, file);
  await rm(file);
  const digest = hash.digest('hex');
  const blob = join(site.dir, 'store/blobs/sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
  return { path: `/o/files/${name}`, digest, blob };
}

async function upload(server: TestServer, name: string, file: string): Promise<void> {
  const { status } = await server.put(`/o/files/${name}`, file);
  if (status !== 201) throw new Error(`PUT ${name} was answered ${status}`);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A line of /proc/net/tls_stat, as TlsTxSw; 0 where the kernel does not know it. */
export function tlsStat(name: string): number {
  const text = existsSync('/proc/net/tls_stat') ? readFileSync('/proc/net/tls_stat', 'utf8') : '';
  return Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** native/test/record_client.cc; resolves with the lines it printed. */
export function recordClient(
  server: TestServer,
  suite: Suite,
  ...commands: (string | number)[]
): Promise<string[]> {
  return recordClientFrom('127.0.0.1', server, suite, ...commands);
}

/** The same from one of the addresses of this machine. */
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

/** `openssl s_client` to the server, quiet about the handshake. */
export function openssl(server: TestServer, ...args: string[]): ChildProcess {
  const { host } = new URL(server.url);
  return spawn('openssl', ['s_client', '-connect', host, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}
