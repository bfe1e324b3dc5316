// bucket set --kind: through a running server and on a store at rest.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const set = (...args: string[]) =>
  outcome(spawnCli(['bucket', 'set', 'nightly', '--config', site.config, ...args]));
const file = join(site.dir, 'file');

test('beside a server: a versioned bucket takes other bytes; it is write-once again with --yes', async () => {
  await cli('bucket', 'create', 'nightly');
  const server = await TestServer.start(site, '--workers', '1');
  try {
    const put = async (text: string) => {
      await writeFile(file, text);
      return (await server.put('/o/nightly/a', file)).status;
    };
    const caching = async () => (await server.curl('/o/nightly/a')).headers.get('cache-control');
    assert.equal(await put('one'), 201);
    for (let i = 0; i < 4; i++) assert.match(`${await caching()}`, /immutable/);
    assert.equal(await put('two'), 409);

    assert.equal(
      await cli('bucket', 'set', 'nightly', '--kind', 'versioned', '--why', 'it changes'),
      'nightly is versioned; keeps all older versions\n',
    );
    assert.doesNotMatch(`${await caching()}`, /immutable/);
    assert.equal(await put('two'), 200);

    const refused = await set('--kind', 'write-once');
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /nightly has 1 older version of 3 bytes that would be removed .* --yes/);
    assert.equal(await put('three'), 200);
    assert.equal((await set('--kind', 'write-once', '--yes')).status, 0);
    assert.equal(await put('four'), 409);
    assert.match(`${await caching()}`, /immutable/);
    const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
    assert.match(audit, /"action":"bucket-set"[^\n]*"why":"it changes"[^\n]*"kind":"versioned"/);
  } finally {
    await server.stop();
  }
});

test('without a server: the same, and an unknown kind ends with status 2', async () => {
  assert.equal((await set('--kind', 'versioned')).status, 0);
  assert.match(await cli('bucket', 'ls'), /^versioned {3}nightly /m);
  const refused = await set('--kind', 'write-once');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /2 older versions of 6 bytes that would be removed/);
  assert.equal((await set('--kind', 'write-once', '--yes')).status, 0);
  assert.equal((await set('--kind', 'anything')).status, 2);
});

test('a kind that the configuration declares is refused with what to do', async () => {
  const refused = await outcome(
    spawnCli(['bucket', 'set', 'files', '--kind', 'versioned', '--config', site.config]),
  );
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /the configuration declares bucket files as write-once; leave --kind out/);
});
