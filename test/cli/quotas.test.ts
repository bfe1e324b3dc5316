// bucket set and bucket ls with quotas: through a running server and on a store at rest, in the audit log,
// the metrics and the status.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const cli = (...args: string[]) => runCli(...args, '--config', site.config);
const fails = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
let server: TestServer | undefined = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server?.stop();
  await site.remove();
});
const file = join(site.dir, 'file');
const bucket = async () => {
  const lines = (await cli('bucket', 'ls', '--json')).trim().split('\n');
  return lines.map((line) => JSON.parse(line)).find(({ name }) => name === 'builds');
};

test('a running server follows a quota at once, and tells it in its metrics and its status', async () => {
  assert.ok(server);
  await cli('bucket', 'create', 'builds', '--kind', 'versioned');
  assert.equal(
    await cli('bucket', 'set', 'builds', '--quota-bytes', '1KiB', '--why', 'a test'),
    'builds keeps all older versions; may keep at most 1024 bytes\n',
  );
  await writeFile(file, 'x'.repeat(1000));
  assert.equal((await server.put('/o/builds/a', file)).status, 201);
  const refused = await server.put('/o/builds/b', file);
  assert.equal(refused.status, 507);
  assert.match(refused.body.toString(), /"bucket":"builds","quota":"bytes","limit":1024,"used":1000/);
  const metrics = await (await fetch(`${server.control}/metrics`)).text();
  assert.match(metrics, /^sealgate_bucket_used_bytes\{bucket="builds"\} 1000$/m);
  assert.match(metrics, /^sealgate_bucket_used_objects\{bucket="builds"\} 1$/m);
  assert.match(metrics, /^sealgate_bucket_quota_bytes\{bucket="builds"\} 1024$/m);
  assert.doesNotMatch(metrics, /^sealgate_bucket_quota_objects\{bucket="builds"\}/m);
  const { buckets } = await (await fetch(`${server.control}/status`)).json();
  assert.deepEqual(
    buckets.find(({ name }: { name: string }) => name === 'builds'),
    { name: 'builds', quota: { bytes: 1024 }, usage: { objects: 1, bytes: 1000 } },
  );
  const audit = await readFile(join(site.dir, 'audit.jsonl'), 'utf8');
  assert.match(audit, /"action":"bucket-set","why":"a test","bucket":"builds","quota":\{"bytes":1024\}/);
});

test('bucket ls tells usage and quota beside a server and without one', async () => {
  const expected = { usage: { objects: 1, bytes: 1000 }, quota: { bytes: 1024 } };
  const { usage, quota } = await bucket();
  assert.deepEqual({ usage, quota }, expected);
  await server?.stop();
  server = undefined;
  const { usage: later, quota: same } = await bucket();
  assert.deepEqual({ usage: later, quota: same }, expected);
  assert.match(
    await cli('bucket', 'ls'),
    /^versioned {3}builds {2}1 objects, 1000 B; may keep at most 1024 bytes$/m,
  );
});

test('without a server put and import are refused and say what to do', async () => {
  await writeFile(file, 'y'.repeat(100));
  const put = await fails('put', file, 'builds/b');
  assert.equal(put.status, 1);
  assert.match(
    put.stderr,
    /Bucket builds has a quota of 1024 bytes, of which 1000 are used; this would add 100\./,
  );
  const tree = join(site.dir, 'tree');
  await writeTree(tree, { large: 'z'.repeat(100) });
  const imported = await fails('import', tree, '--bucket', 'builds');
  assert.equal(imported.status, 1);
  assert.match(
    imported.stderr,
    /raise the quota with 'sealgate bucket set', or remove versions, then run the same/,
  );
  assert.equal(
    await cli('bucket', 'set', 'builds', '--quota-bytes', 'none', '--quota-objects', '2'),
    'builds keeps all older versions; may keep at most 2 objects\n',
  );
  await cli('import', tree, '--bucket', 'builds');
  assert.deepEqual((await bucket()).usage, { objects: 2, bytes: 1100 });
});

test('a quota that is no number is refused with what is expected', async () => {
  for (const [flag, given] of [
    ['--quota-bytes', '12 parsecs'],
    ['--quota-bytes', '2000PiB'],
    ['--quota-objects', '-1'],
    ['--quota-objects', '1.5'],
  ] as const) {
    const { status, stderr } = await fails('bucket', 'set', 'builds', `${flag}=${given}`);
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`${flag}: expected `));
  }
});

test('verify compares the counters with what buckets keep', async () => {
  assert.match(await cli('verify'), /all right$/m);
});
