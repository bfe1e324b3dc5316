// With lastModified "source" an object has the time of its source file, however it was stored, except for
// times that would mislead clients.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';

const site = await createSite({
  buckets: { files: 'write-once', live: 'versioned' },
  lastModified: 'source',
});
const then = 'Sat, 03 Feb 2001 04:05:06 GMT';
const later = 'Sat, 03 Feb 2001 04:05:07 GMT';

/** @param time in the format of touch(1), because a runtime's utimes() may refuse times before 1970. */
async function file(name: string, time: string): Promise<string> {
  const path = join(site.dir, 'tree', name);
  await mkdir(join(site.dir, 'tree'), { recursive: true });
  await writeFile(path, `bytes of ${name}`);
  const { status, stderr } = await outcome(spawn('touch', ['-d', time, path]));
  assert.equal(status, 0, stderr);
  return path;
}

const at = ['--config', site.config];
const paths = {
  dated: await file('then', then),
  old: await file('before-1970', '1960-01-01T00:00:00Z'),
  future: await file('future', '2100-01-01T00:00:00Z'),
};
await runCli('import', join(site.dir, 'tree'), '--prefix', 'imported/', ...at);
await runCli('put', paths.dated, 'files/put', ...at);
await runCli('cp', 'files/put', 'files/copied-locally', ...at);

const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});
const token = `Authorization: Bearer ${site.token}`;
const tokenFile = join(site.dir, 'token');
await writeFile(tokenFile, site.token, { mode: 0o600 });
const cli = (...args: string[]) => runCli(...args, ...at, '--token-file', tokenFile);
const dated = async (path: string) => (await server.curl(path)).headers.get('last-modified');

test('import and put into the store, and cp there', async () => {
  for (const name of ['imported/then', 'put', 'copied-locally'])
    assert.equal(await dated(`/o/files/${name}`), then, name);
});

test('import, put and cp through the server', async () => {
  await cli('import', join(site.dir, 'tree'), '--prefix', 'through/');
  await cli('put', paths.dated, 'files/put-through');
  await cli('cp', 'files/put-through', 'files/copied');
  for (const name of ['through/then', 'put-through', 'copied'])
    assert.equal(await dated(`/o/files/${name}`), then, name);
  const stat = JSON.parse(await cli('stat', 'files/copied', '--json'));
  assert.equal(stat.lastModified, new Date(then).toISOString());
});

test('an upload with X-OC-Mtime: accepted, and shown in Last-Modified', async () => {
  const mtime = `X-OC-Mtime: ${Date.parse(then) / 1000}`;
  const made = await server.put('/o/live/upload', paths.dated, '-H', mtime);
  assert.deepEqual([made.status, made.headers.get('x-oc-mtime')], [201, 'accepted']);
  assert.equal(await dated('/o/live/upload'), then);
  const unsaid = await server.put('/o/live/unsaid', paths.dated);
  assert.equal(unsaid.headers.get('x-oc-mtime'), undefined);
});

test('If-Modified-Since and If-Unmodified-Since use the time of the source', async () => {
  const status = async (...args: string[]) => (await server.curl('/o/files/put', ...args)).status;
  assert.equal(await status('-H', `If-Modified-Since: ${then}`), 304);
  assert.equal(await status('-H', 'If-Modified-Since: Sat, 03 Feb 2001 04:05:05 GMT'), 200);
  assert.equal(await status('-H', 'If-Unmodified-Since: Sat, 03 Feb 2001 04:05:05 GMT'), 412);
  const guarded = (date: string) =>
    server.put('/o/live/upload', paths.old, '-H', `If-Unmodified-Since: ${date}`);
  assert.equal((await guarded('Sat, 03 Feb 2001 04:05:05 GMT')).status, 412);
  assert.equal((await guarded(later)).status, 200);
});

test('a version with an older source than the version before has the time of its upload', async () => {
  await server.put('/o/live/back', paths.dated, '-H', 'X-OC-Mtime: 1000000000');
  const back = await server.put('/o/live/back', paths.old, '-H', 'X-OC-Mtime: 900000000');
  assert.deepEqual([back.status, back.headers.get('x-oc-mtime')], [200, undefined]);
  const told = await dated('/o/live/back');
  assert.ok(told === undefined || Date.parse(told) > Date.parse('2020-01-01'), told);
});

test('files from before 1970 and from the future have the time at which they were stored', async () => {
  await server.put('/o/live/future', paths.future, '-H', 'X-OC-Mtime: 4102444800');
  await server.put('/o/live/old', paths.old, '-H', 'X-OC-Mtime: -315619200');
  const names = ['imported', 'through'].flatMap((way) => [`${way}/before-1970`, `${way}/future`]);
  for (const path of [...names.map((name) => `/o/files/${name}`), '/o/live/future', '/o/live/old']) {
    const { headers } = await server.curl(path);
    const [told, now] = ['last-modified', 'date'].map((name) => Date.parse(headers.get(name) ?? ''));
    assert.ok(told !== undefined && now !== undefined && told <= now, path);
    assert.ok(told > Date.parse('2020-01-01'), path);
  }
});

for (const given of ['yesterday', '1.5', '', '1e9', '9999999999999', then]) {
  test(`X-OC-Mtime: ${given} is refused, and nothing is stored`, async () => {
    // curl leaves out a field that ends at its colon, and sends one that ends in a semicolon empty.
    const field = given === '' ? 'X-OC-Mtime;' : `X-OC-Mtime: ${given}`;
    const refused = await server.put('/o/live/refused', paths.dated, '-H', field);
    assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).title], [400, 'field-refused']);
    assert.equal(await dated('/o/live/refused'), undefined);
  });
}

test('a blob uploaded by digest has no Last-Modified', async () => {
  const digest = JSON.parse(await cli('stat', 'files/put', '--json')).digest;
  const refused = await server.curl(
    ...([`/sha256/${digest}`, '-T', paths.dated, '-H', token, '-H', 'X-OC-Mtime: 1000000000'] as const),
  );
  assert.equal(refused.status, 400);
});
