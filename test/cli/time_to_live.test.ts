// bucket set --ttl: through a running server and on a store at rest. Objects end by themselves, whoever
// asks, and collection frees their bytes; nothing here depends on how fast that is.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';
import { until } from '../support/wait.ts';

const gc = { intervalSeconds: 0, graceSeconds: 0 };
const site = await createSite({ sentinel: { intervalSeconds: 0 }, gc });
const root = join(site.dir, 'store');
const server = await TestServer.start(site, '--workers', '1');
let isRunning = true;
const stop = async () => {
  if (isRunning) await server.stop();
  isRunning = false;
};
after(async () => {
  await stop();
  await site.remove();
});

const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const refused = async (...args: string[]) => {
  const { status, stderr } = await outcome(spawnCli([...args, '--config', site.config]));
  return [status, stderr] as const;
};
const file = join(site.dir, 'file');
async function put(path: string, bytes: string): Promise<void> {
  await writeFile(file, bytes);
  assert.ok([200, 201].includes((await server.put(path, file)).status));
}
const statusOf = async (path: string) => (await server.curl(path)).status;

test('--ttl is told and listed; another kind of time is refused', async () => {
  await cli('bucket', 'create', 'builds', '--kind', 'versioned');
  assert.equal(await cli('bucket', 'set', 'builds', '--ttl', '7d'), 'builds objects expire after 7 days\n');
  assert.match(await cli('bucket', 'ls'), /^versioned {3}builds {2}objects expire after 7 days$/m);
  assert.match(await cli('bucket', 'ls', '--json'), /"name":"builds"[^\n]*"ttl":604800/);
  const none = 'builds keeps all older versions; objects do not expire\n';
  assert.equal(await cli('bucket', 'set', 'builds', '--ttl', 'none'), none);
  for (const given of ['0s', '7', '1w', '40000d']) {
    const [status, said] = await refused('bucket', 'set', 'builds', '--ttl', given);
    assert.equal(status, 2);
    assert.match(said, /--ttl: expected a time as 90s, 30m, 12h or 7d, up to 100 years, or none, got '/);
  }
});

test('what is there and would be deleted is told, and asks for --yes', async () => {
  await put('/o/builds/old', 'twelve bytes');
  const set = ['bucket', 'set', 'builds', '--ttl', '1s'];
  // Then the object is older than the time to live, however fast this host is.
  await setTimeout(1100);
  const [status, said] = await refused(...set);
  assert.equal(status, 1);
  assert.match(
    said,
    /bucket builds has 1 object of 12 bytes that would be deleted at once; say --yes to do so/,
  );
  await cli('bucket', 'set', 'builds', '--ttl', '1h');
  assert.equal(await statusOf('/o/builds/old'), 200);
  await cli(...set, '--yes', '--why', 'they are rebuilt');
  assert.equal(await statusOf('/o/builds/old'), 410);
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"action":"bucket-set"[^\n]*"why":"they are rebuilt"[^\n]*"ttl":1/);
});

test('a plan that is kept ends with its object, and the bytes are collected', async () => {
  await cli('bucket', 'create', 'brief');
  await cli('bucket', 'set', 'brief', '--ttl', '6s');
  const hits = () => server.metric('sealgate_plan_cache_hits_total');
  const before = await hits();
  // Stored again each time: so it lives, however slow this host is.
  await until(
    async () => {
      await put('/o/brief/a', 'brief');
      for (let i = 0; i < 3; i++) await server.curl('/o/brief/a');
      return hits();
    },
    (now) => now > before,
    'a kept plan answers',
  );
  await until(
    () => statusOf('/o/brief/a'),
    (status) => status === 410,
    'the object ends',
  );
  assert.equal(await statusOf('/o/brief/a'), 410);
  const listing = (await server.curl('/o/brief/')).body.toString();
  assert.deepEqual(JSON.parse(listing).entries, []);
  assert.equal(await cli('ls', 'brief'), '');
  assert.match((await refused('stat', 'brief/a'))[1], /brief\/a: expired on \d{4}-/);
  assert.match(
    await cli('why', sha256('brief')),
    /brief\/a version \d+, since .*; the newest, which expired/,
  );

  assert.match(await cli('gc'), /^2 expired names made deleted\n/);
  assert.equal(await statusOf('/o/brief/a'), 410);
  assert.equal(await server.metric('sealgate_expired_names_total'), 2);
  await cli('gc');
  assert.equal(existsSync(blobPath(root, sha256('brief'))), false);
  assert.doesNotMatch(await cli('bucket', 'ls'), /brief {2}\d+ objects/);
});

test('without a server: a restart later the same holds, and what expires is restored', async () => {
  await cli('bucket', 'set', 'builds', '--ttl', 'none');
  await put('/o/builds/new', 'new');
  await stop();
  await cli('bucket', 'set', 'builds', '--ttl', '1s', '--yes');
  await until(
    () => cli('ls', 'builds'),
    (names) => names === '',
    'the object ends',
  );
  assert.match(await cli('versions', 'builds/new'), /version 1 {2}newest, expired \d{4}-/);
  await cli('bucket', 'set', 'builds', '--ttl', '1d');
  assert.match(await cli('ls', 'builds'), /new\n$/);
  assert.match(await cli('stat', 'builds/new'), /^ {2}expires {5}\d{4}-/m);
});
