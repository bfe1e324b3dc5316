// Signing keys of sites that are read again while the server runs: those of new sites count from the reload
// on, and a reload with a key that cannot be used is refused whole.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [{ host: 'open.test', bucket: 'web' }],
});
const start = JSON.parse(await readFile(site.config, 'utf8'));
await writeFile(join(site.dir, 'page.html'), 'page');
await runCli('put', join(site.dir, 'page.html'), 'web/page.html', '--config', site.config);
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});

const writeKey = (name: string, mode = 0o600) =>
  writeFile(join(site.dir, name), `${name}${'k'.repeat(40)}\n`, { mode });
const signed = (host: string, ...keys: string[]) => ({ host, bucket: 'web', signed: { keys } });
async function reload(...sites: object[]): Promise<{ status: number; text: string }> {
  await writeFile(site.config, JSON.stringify({ ...start, sites: [...start.sites, ...sites] }));
  const answer = await fetch(`${server.control}/reload`, { method: 'POST' });
  return { status: answer.status, text: await answer.text() };
}
async function asked(host: string): Promise<number> {
  const url = new URL(
    await runCli('sign', `http://${host}/page.html`, '--for', '1h', '--config', site.config),
  );
  return (await server.curl(url.pathname + url.search, '-H', `Host: ${host}`)).status;
}

test('a site that is added with a key: its signed URLs are served, others are not', async () => {
  await writeKey('one.key');
  assert.equal((await reload(signed('one.test', 'one.key'))).status, 200);
  assert.equal(await asked('one.test'), 200);
  assert.equal((await server.curl('/page.html', '-H', 'Host: one.test')).status, 403);
});

test('a reload with a key that is missing or open to others is refused, and nothing changes', async () => {
  const { status, text } = await reload(signed('one.test', 'one.key'), signed('two.test', 'two.key'));
  assert.equal(status, 422);
  assert.match(text, /site two\.test\/: signed\.keys\.0: [^\n]*two\.key cannot be read \(ENOENT\)/);
  await writeKey('two.key', 0o644);
  assert.match((await reload(signed('two.test', 'two.key'))).text, /two\.key: others may read it/);
  assert.equal((await server.curl('/page.html', '-H', 'Host: two.test')).status, 421);
  await reload(signed('one.test', 'one.key'));
  assert.equal(await asked('one.test'), 200);
});

test('a key that a reload puts in the place of another: signatures of the first count no more', async () => {
  await writeKey('three.key');
  const old = new URL(
    await runCli('sign', 'http://one.test/page.html', '--for', '1h', '--config', site.config),
  );
  assert.equal((await reload(signed('one.test', 'three.key'))).status, 200);
  assert.equal((await server.curl(old.pathname + old.search, '-H', 'Host: one.test')).status, 403);
  assert.equal(await asked('one.test'), 200);
});
