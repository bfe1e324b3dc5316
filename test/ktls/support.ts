// Shared by the kernel TLS tests: servers in each mode, a client that makes records itself, and the kernel's
// counts. The tests run only on Node: they test the engine, which is the same binary on all runtimes, in slow
// virtual machines.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addon, type KtlsPolicy } from '../../src/native/addon.ts';
import { type Suite, suites } from '../support/record_client.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { blobPath } from '../support/store.ts';

/** Who protects records on the server (tx: sending) and who opens them (rx: receiving). */
export type Mode = 'user' | 'ktls-tx' | 'ktls-rx' | 'ktls-txrx';
export const modes: Mode[] = ['user', 'ktls-tx', 'ktls-rx', 'ktls-txrx'];

const policies: Record<Mode, Partial<KtlsPolicy>> = {
  user: { mode: 'off' },
  'ktls-tx': { mode: 'require', rx: false },
  'ktls-rx': { mode: 'require', tx: false },
  'ktls-txrx': { mode: 'require' },
};

const namesOf = (version: Suite['version']) =>
  suites.filter((suite) => suite.version === version).map(({ name }) => name);

/** curl flags that leave only this protocol and cipher. */
export function curlFlags({ version, name }: Suite): string[] {
  return version === 'tls13'
    ? ['--tlsv1.3', '--tls13-ciphers', name]
    : ['--tlsv1.2', '--tls-max', '1.2', '--ciphers', name];
}

/** Whether this kernel can replace TLS 1.3 keys, according to the probe. */
export const kernelRekeys = addon.probeKtls().some(({ rekeys }) => rekeys);

/** Starts a server whose responses take the mode's path; `settings` override those of ktls. */
export async function startServer(
  mode: Mode,
  settings: Partial<KtlsPolicy> = {},
  others: Record<string, unknown> = {},
): Promise<{ site: Site; server: TestServer }> {
  const site = await createSite(others);
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  // The sentinel's fetches would add to the kernel's counts.
  config.sentinel = { intervalSeconds: 0 };
  config.ktls = { minBytes: 0, ...policies[mode], ...settings };
  config.tls = {
    ...config.tls,
    cipherSuites: namesOf('tls13').join(':'),
    ciphers: namesOf('tls12').join(':'),
  };
  await writeFile(site.config, JSON.stringify(config));
  return { site, server: await TestServer.start(site, '--workers', '1') };
}

/** Uploads random bytes as `/o/files/{name}`. */
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

/** Like sample() but without the bytes in memory, since these kernels have little; `blob` is the file. */
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
  const blob = blobPath(join(site.dir, 'store'), digest);
  return { path: `/o/files/${name}`, digest, blob };
}

async function upload(server: TestServer, name: string, file: string): Promise<void> {
  const { status } = await server.put(`/o/files/${name}`, file);
  if (status !== 201) throw new Error(`PUT ${name} was answered ${status}`);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A value in /proc/net/tls_stat such as TlsTxSw; 0 if the kernel does not have it. */
export function tlsStat(name: string): number {
  const text = existsSync('/proc/net/tls_stat') ? readFileSync('/proc/net/tls_stat', 'utf8') : '';
  return Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Connects `openssl s_client` to the server, without output about the handshake. */
export function openssl(server: TestServer, ...args: string[]): ChildProcess {
  const { host } = new URL(server.url);
  return spawn('openssl', ['s_client', '-connect', host, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}
