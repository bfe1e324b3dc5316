// sealgate mirror beside a registry: what it fetches is looked at whole before anybody gets it, and documents
// are made of it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { distOf, packed, startRegistry } from '../support/npm.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { startUpstream } from '../support/upstream.ts';

const manifest = { name: 'one', version: '1.0.0' };
const versions = { '1.0.0': { ...manifest, dist: distOf(packed(manifest)) } };
const packument = { name: 'one', 'dist-tags': { latest: '1.0.0' }, versions };
const upstream = await startUpstream((_request, response) => {
  response.setHeader('cache-control', 'max-age=300');
  response.end(JSON.stringify(packument));
});
const registry = await startRegistry('/npm/', { public: { url: upstream.url, attempts: 1 } });
after(async () => {
  await registry.stop();
  upstream.close();
});

async function mirror(...args: string[]): Promise<string> {
  const control = ['--control', registry.server.control ?? '', '--config', registry.site.config];
  return (await outcome(spawnCli(['mirror', ...args, ...control]))).stdout;
}

test('warm says fetched of a packument that was not here, and kept of one that was', async () => {
  assert.equal(await mirror('warm', 'packages/one'), '1 fetched\n');
  assert.equal(await mirror('warm', 'packages/one'), '1 kept\n');
});

test('ls tells documents that were made of a packument from what was stored', async () => {
  const lines = (await mirror('ls', 'packages/')).trim().split('\n');
  const from = lines.map((line) => / (public|made here|stored here) +(one.*)$/.exec(line)?.slice(1, 3) ?? []);
  assert.deepEqual(
    from.map(([who, name = '']) => [who, name.replace(/-[0-9a-f]{12}/, '')]),
    [
      ['public', 'one'],
      ['made here', 'one/-/abbreviated.json'],
      ['made here', 'one/-/full.json'],
      ['made here', 'one/-/index.json'],
    ],
  );
});
