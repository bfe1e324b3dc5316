// put: fields that are recorded of an object, in the store and through a server; stat and ls show them.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite({ buckets: { files: 'write-once', live: 'versioned' } });
after(() => site.remove());
const file = join(site.dir, 'file');
const token = join(site.dir, 'token');
await writeFile(file, 'bytes');
await writeFile(token, site.token, { mode: 0o600 });
const cli = (...args: string[]) => outcome(spawnCli([...args, '--config', site.config]));
const flags = [
  ...['--cache-control', 'max-age=60', '--content-encoding', 'gzip', '--content-language', 'de'],
  ...['--content-disposition', 'attachment; filename="a b"', '--meta', 'Build=7', '--meta', 'note=a = b'],
];
const fields = {
  contentEncoding: 'gzip',
  contentLanguage: 'de',
  contentDisposition: 'attachment; filename="a b"',
  cacheControl: 'max-age=60',
  meta: { build: '7', note: 'a = b' },
};

async function lineOf(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await cli(...args);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd();
}

/** `outcome` of put, and what stat and ls tell of it. */
async function putAndLook(how: string[], ...said: string[]) {
  const put = await lineOf('put', file, 'live/a', ...said, ...how);
  const stat = JSON.parse(await lineOf('stat', 'live/a', '--json', ...how));
  const listed = JSON.parse(await lineOf('ls', 'live/a', '--json', ...how));
  return { outcome: put.split(' ')[1], stat, listed };
}

async function assertRecorded(how: string[], first: string): Promise<void> {
  for (const expected of [first, 'same']) {
    const { outcome, stat, listed } = await putAndLook(how, ...flags);
    assert.equal(outcome, expected);
    for (const shown of [stat, listed]) assert.deepEqual({ ...shown, ...fields }, shown);
  }
  const { outcome, stat } = await putAndLook(how, '--meta', 'build=8');
  assert.equal(outcome, 'replaced');
  assert.deepEqual(
    [stat.meta, stat.cacheControl, stat.contentEncoding],
    [{ build: '8' }, undefined, undefined],
  );
  assert.match(await lineOf('stat', 'live/a', ...how), /\n {2}meta build +8\n/);
  for (const expected of ['replaced', 'same']) {
    const cleared = await putAndLook(how, '--cache-control=');
    assert.equal(cleared.outcome, expected);
    for (const shown of [cleared.stat, cleared.listed])
      assert.deepEqual([shown.meta, shown.cacheControl], [undefined, undefined]);
  }
  assert.equal((await putAndLook(how)).outcome, 'same');
}

test('put with fields into the store: created, then same, then replaced by others', async () => {
  await lineOf('bucket', 'create', 'live', '--kind', 'versioned');
  await assertRecorded([], 'created');
});

test('put with fields through a server: replaced, then same, then replaced by others', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  try {
    await assertRecorded(
      ['--server', server.url, '--cacert', site.certificate, '--token-file', token],
      'replaced',
    );
  } finally {
    await server.stop();
  }
});

const refused: [string[], RegExp][] = [
  [['--cache-control', 'max-age=soon'], /Cache-Control: max-age has a whole number of seconds\.\n/],
  [['--content-encoding', 'rot13'], /Content-Encoding may be gzip, br, zstd or deflate\.\n/],
  [['--content-language', 'de_AT'], /Content-Language is a list of language tags/],
  [
    ['--content-disposition', 'attachment\r\nSet-Cookie: a=b'],
    /Content-Disposition: expected printable ASCII/,
  ],
  [['--meta', 'build'], /--meta: expected NAME=VALUE, got 'build'\n/],
  [['--meta', '=7'], /--meta: expected NAME=VALUE, got '=7'\n/],
  [['--meta', '__proto__=7'], /"__proto__": a name of metadata has letters/],
  [['--meta', 'a=1', '--meta', 'a=2'], /--meta: a is given twice\n/],
  [['--meta', 'a=1', '--meta', 'A=2'], /A name of metadata is given twice/],
  [['--meta', `a=${'x'.repeat(9000)}`], /have up to 8192 bytes, not 9019\.\n/],
];
for (const [given, said] of refused) {
  test(`put ${given.join(' ').slice(0, 40)} is refused with status 2 and a sentence`, async () => {
    const { status, stdout, stderr } = await cli('put', file, 'live/refused', ...given);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, said);
  });
}

test('other fields of a write-once name are refused with a sentence', async () => {
  await lineOf('put', file, 'files/once', '--cache-control', 'no-cache');
  const { status, stderr } = await cli('put', file, 'files/once', '--cache-control', 'no-store');
  assert.equal(status, 1);
  assert.match(stderr, /^sealgate: The name holds these bytes with other fields, [^\n]+\n$/);
});

test('cp takes the fields of its source along', async () => {
  await lineOf('cp', 'files/once', 'live/copied');
  assert.equal(JSON.parse(await lineOf('stat', 'live/copied', '--json')).cacheControl, 'no-cache');
});
