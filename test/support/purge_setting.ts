// A server with purge hooks, and the receiver of what they tell.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hook } from './purging.ts';
import { Receiver } from './receiver.ts';
import { outcome, spawnCli } from './runtime.ts';
import { createSite, type Site, TestServer } from './server.ts';
import { until } from './wait.ts';

export const secret = 'f00d-'.repeat(8);
export const sites = [
  { host: '127.0.0.1', protocol: 'objects', path: '/store/', publicUrl: 'http://objects.test:8080/at/' },
  { host: 'www.test', bucket: 'web', prefix: 'site/', notFound: '404.html', listing: 'html' },
  { host: '*.test', bucket: 'web' },
  { host: '*.other', bucket: 'web', publicUrl: 'https://cdn.other/base/' },
];

interface Setting {
  site: Site;
  receiver: Receiver;
  server: TestServer;
  /** Arguments of a start. */
  start(): Promise<TestServer>;
  put(name: string, text: string, ...more: string[]): Promise<void>;
  cli(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }>;
}

/** A server with hooks, of which the purge of everything that a new one begins with was taken. */
export async function withHooks(
  hooks: (to: string) => Promise<Hook[]>,
  work: (setting: Setting) => Promise<void>,
  more: object = {},
): Promise<void> {
  const receiver = await Receiver.start();
  const all = await hooks(`http://127.0.0.1:${receiver.port}`);
  const purge = { hooks: all, ...more };
  const site = await createSite({ buckets: { web: 'versioned', private: 'versioned' }, sites, purge });
  await mkdir(join(site.dir, 'keys'));
  for (const name of ['cloudflare.token', 'fastly.token', 'hook.key'])
    await writeFile(join(site.dir, 'keys', name), `${secret}\n`, { mode: 0o600 });
  const start = () => TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
  const cli: Setting['cli'] = (...args) =>
    outcome(
      spawnCli([...args, '--config', site.config], { env: { ...process.env, SEALGATE_TOKEN: site.token } }),
    );
  const file = join(site.dir, 'file');
  const setting: Setting = {
    site,
    receiver,
    server: await start(),
    start,
    cli,
    put: async (name, text, ...args) => {
      await writeFile(file, text);
      const { status, body } = await setting.server.put(`/store/o/${encodeURI(name)}`, file, ...args);
      assert.ok(status === 201 || status === 200, body.toString());
    },
  };
  try {
    await receiver.until(all.length);
    await idle(setting);
    receiver.received.length = 0;
    await work(setting);
  } finally {
    await setting.server.stop();
    await receiver.stop();
    await site.remove();
  }
}

export interface Status {
  hooks: {
    name: string;
    names: number;
    everything?: string;
    fault?: string;
    retryAt?: number;
    sent: number;
  }[];
}
export async function status({ server }: Setting): Promise<Status> {
  return (await (await fetch(`${server.control}/purges`)).json()) as Status;
}
export const idle = (setting: Setting) =>
  until(
    () => status(setting),
    ({ hooks }) => hooks.every(({ names, everything }) => names === 0 && everything === undefined),
    'the queue',
  );
