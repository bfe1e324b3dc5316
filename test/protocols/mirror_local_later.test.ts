// Names that are made local after an upstream was asked for them: what it sent then is not sent any more.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { distOf, packed, startRegistry } from '../support/npm.ts';
import { assertProblem } from '../support/problem.ts';
import type { Site, TestServer } from '../support/server.ts';
import { startMirrors, startUpstream } from '../support/upstream.ts';

async function makeLocal(site: Site, server: TestServer, pattern: string): Promise<void> {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.sites[0].mirror.local = [pattern];
  await writeFile(site.config, JSON.stringify(config));
  assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
}

test('files: an object that was fetched before its name was local is 404 until one is uploaded', async () => {
  const upstream = await startUpstream((_, response) => void response.end('a stranger'));
  const rules = [{ match: '/m/**', immutable: true }];
  const { site, server, stop } = await startMirrors({ up: { url: upstream.url } }, [
    { path: '/m/', upstreams: ['up'], mirror: { rules } },
  ]);
  try {
    assert.equal((await server.curl('/m/own/tool')).body.toString(), 'a stranger');
    await makeLocal(site, server, '/m/own/**');
    assertProblem(await server.curl('/m/own/tool'), 404, 'not-found');
    await server.put('/o/mirror/own/tool', site.config);
    const { body } = await server.curl('/m/own/tool');
    assert.deepEqual(body, await readFile(site.config));
    assert.deepEqual(upstream.asked, ['GET /own/tool']);
  } finally {
    await stop();
    upstream.close();
  }
});

test('npm: a package that was fetched before its name was local is gone, and can be published', async () => {
  const manifest = { name: 'acme-tool', version: '1.0.0' };
  const [strange, own] = [packed({ ...manifest, strange: true }), packed(manifest)];
  const packument = (tarball: Buffer) => ({
    ...{ name: 'acme-tool', 'dist-tags': { latest: '1.0.0' } },
    versions: { '1.0.0': { ...manifest, dist: distOf(tarball) } },
  });
  const upstream = await startUpstream(({ url = '' }, response) => {
    response.end(url.endsWith('.tgz') ? strange : JSON.stringify(packument(strange)));
  });
  const { site, server, stop } = await startRegistry('/npm/', { up: { url: upstream.url } });
  const [name, tarball] = ['/npm/acme-tool', '/npm/acme-tool/-/acme-tool-1.0.0.tgz'];
  try {
    assert.deepEqual((await server.curl(tarball)).body, strange);
    await makeLocal(site, server, '/npm/acme-*');
    for (const path of [name, tarball, '/npm/-/package/acme-tool/dist-tags'])
      assert.equal((await server.curl(path)).status, 404, path);
    const _attachments = { 'a.tgz': { data: own.toString('base64'), length: own.length } };
    const document = JSON.stringify({ ...packument(own), _attachments });
    const write = ['-X', 'PUT', '-H', `Authorization: Bearer ${site.token}`];
    assert.equal((await server.curl(name, ...write, '-d', document)).status, 201);
    const { versions } = JSON.parse((await server.curl(name)).body.toString());
    assert.equal(versions['1.0.0'].dist.integrity, distOf(own).integrity);
    assert.deepEqual((await server.curl(tarball)).body, own);
  } finally {
    await stop();
    upstream.close();
  }
});
