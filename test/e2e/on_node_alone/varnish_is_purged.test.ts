// Varnish in front, with the VCL and the hook of docs/purging.md: what it has kept for a year is new bytes as
// soon as it was told of a change.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { documentedHook, documentedVcl } from '../../support/purging.ts';
import { outcome, spawnCli, text } from '../../support/runtime.ts';
import { createSite, freePort, type Response, type Site, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';

const [port, own] = [await freePort(), await freePort()];
const host = 'www.test';
const long = [{ match: '**', maxAge: 31_536_000 }];
let site: Site;
let server: TestServer;
let cache: ChildProcess;
let folder: string;

before(async () => {
  const hook = await documentedHook('varnish-1', `http://127.0.0.1:${port}`, { maxRetrySeconds: 1 });
  const web = { host, bucket: 'web', caching: long, notFound: '404.html', notFoundMaxAge: 3600 };
  site = await createSite({
    buckets: { web: 'versioned' },
    sites: [web, { host: '127.0.0.1', protocol: 'objects' }],
    purge: { hooks: [hook] },
  });
  folder = await mkdtemp(join(tmpdir(), 'sealgate-varnish-'));
  cache = await startVarnish();
  server = await TestServer.start(site, '--workers', '2', '--listen', `http://127.0.0.1:${own}`);
  await idle();
});
after(async () => {
  await server?.stop();
  await stopVarnish();
  await rm(folder, { recursive: true, force: true });
  await site?.remove();
});

async function startVarnish(): Promise<ChildProcess> {
  await writeFile(join(folder, 'site.vcl'), await documentedVcl({ host: '127.0.0.1', port: own }));
  const args = ['-F', '-n', join(folder, 'work'), '-a', `127.0.0.1:${port}`, '-s', 'malloc,32m'];
  const child = spawn('/usr/sbin/varnishd', [...args, '-j', 'none', '-f', join(folder, 'site.vcl')]);
  const said = text(child.stderr);
  const isUp = () =>
    new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.on('close', () => socket.destroy());
      setTimeout(() => socket.end(), 10);
    });
  await until(isUp, (up) => up || child.exitCode !== null, 'varnishd');
  assert.equal(child.exitCode, null, said());
  return child;
}

async function stopVarnish(): Promise<void> {
  if (!cache || cache.exitCode !== null || cache.pid === undefined) return;
  const exit = once(cache, 'exit');
  process.kill(cache.pid, 'SIGTERM');
  await exit;
}

const idle = () =>
  until(
    async () => (await (await fetch(`${server.control}/purges`)).json()) as { hooks: object[] },
    ({ hooks: [hook] }) =>
      hook !== undefined && 'names' in hook && hook.names === 0 && !('everything' in hook),
    'the queue',
  );

const get = (path: string): Promise<Response> =>
  server.curl(path, '-H', `Host: ${host}`, '--connect-to', `::127.0.0.1:${port}`);
const isHit = ({ headers }: Response) => (headers.get('x-varnish') ?? '').includes(' ');
async function put(name: string, bytes: string): Promise<void> {
  await writeFile(join(site.dir, 'file'), bytes);
  assert.ok((await server.put(`/o/web/${encodeURI(name)}`, join(site.dir, 'file'))).status < 300);
}
async function kept(path: string): Promise<string> {
  await get(path);
  const again = await get(path);
  assert.equal(isHit(again), true, `${path} is not kept`);
  return again.body.toString();
}

for (const name of ['a.txt', 'd/index.html', 'a@2x b.png'])
  test(`${name}, overwritten and deleted: Varnish has the new answer each time`, async () => {
    const paths = name === 'd/index.html' ? ['/d/', '/d/index.html'] : [`/${encodeURI(name)}`];
    await put(name, 'old');
    await idle();
    for (const path of paths) assert.equal(await kept(path), 'old');
    await put(name, 'new');
    await idle();
    for (const path of paths) assert.equal(await kept(path), 'new');
    const { status, stderr } = await outcome(
      spawnCli(['rm', `web/${name}`, '--server', server.url, '--config', site.config], {
        env: { ...process.env, SEALGATE_TOKEN: site.token },
      }),
    );
    assert.equal(status, 0, stderr);
    await idle();
    for (const path of paths) assert.equal((await get(path)).status, 404);
  });

test('a name that was not there, and whose 404 Varnish keeps, is there once it is made', async () => {
  await put('404.html', 'nothing here');
  await idle();
  assert.equal(await kept('/later'), 'nothing here');
  await put('later', 'made');
  await idle();
  assert.equal(await kept('/later'), 'made');
});

test('40 overwrites while clients ask leave no old answer behind', async () => {
  await put('b.txt', '0');
  await idle();
  assert.equal(await kept('/b.txt'), '0');
  for (let round = 1; round <= 40; round++) {
    await Promise.all([put('b.txt', `${round}`), get('/b.txt'), get('/b.txt')]);
    if (round % 10 !== 0) continue;
    await idle();
    assert.equal(await kept('/b.txt'), `${round}`);
  }
});

test('purge everything empties Varnish of the host', async () => {
  await put('c.txt', 'c');
  await idle();
  await kept('/c.txt');
  await outcome(spawnCli(['purge', 'everything', '--control', `${server.control}`, '--config', site.config]));
  await idle();
  assert.equal(isHit(await get('/c.txt')), false);
});
