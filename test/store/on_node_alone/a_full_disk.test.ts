// A full disk: imports stop with one error, uploads are answered with 507, nothing is half stored, and all
// goes on once there is room.

import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Diagnosis } from '../../../src/control/views.ts';
import { openStore } from '../../../src/store/content_store.ts';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { TestServer } from '../../support/server.ts';
import { mountSmallDisk } from '../../support/small_disk.ts';
import { allNames, blobPath, putBytes, sha256, temporaryFolder } from '../../support/store.ts';
import { until } from '../../support/wait.ts';

const MiB = 1024 * 1024;
const mounted = await mountSmallDisk(96);
const skip = typeof mounted === 'string' && mounted;
const disk = typeof mounted === 'string' ? undefined : mounted;
/** On another disk: what is imported, and what clients receive. */
const outside = await temporaryFolder();
after(async () => {
  await disk?.remove();
  await rm(outside, { recursive: true });
});
const [site, tree] = [join(disk?.dir ?? '', 'site'), join(outside, 'tree')];
const config = join(site, 'sealgate.json');

const bytesOf = (name: string) => Buffer.alloc(MiB, `${name} `);

/** Nothing in staging, and every name has its bytes. */
async function assertNothingHalfStored(): Promise<void> {
  assert.deepEqual(await readdir(join(site, 'store/staging')), []);
  const store = await openStore({ root: join(site, 'store'), readOnly: true });
  for (const name of allNames(store, 'files')) {
    const ref = store.resolve('files', name);
    assert.ok(ref && !ref.deleted);
    assert.equal((await store.prove(ref.digest)).size, ref.size);
    const { digest } = ref;
    const blob = await readFile(blobPath(join(site, 'store'), digest));
    assert.equal(sha256(blob), digest);
  }
  await store.close();
}

test('an import stops with one error and goes on when there is room', { skip }, async () => {
  await runCli('init', site);
  await mkdir(tree);
  for (let i = 0; i < 20; i++) await writeFile(join(tree, `file ${i}`), bytesOf(`file ${i}`));
  await disk?.leave(12 * MiB);
  const stopped = await outcome(spawnCli(['import', tree, '--config', config]));
  assert.equal(stopped.status, 1);
  const said = /^sealgate: (\S+): there is no space left for the store; make room [^\n]*imported stays\n$/;
  assert.equal(said.exec(stopped.stderr)?.[1], join(site, 'store'));
  await assertNothingHalfStored();

  await disk?.makeRoom();
  assert.match(await runCli('import', tree, '--config', config), /files imported/);
  const store = await openStore({ root: join(site, 'store'), readOnly: true });
  assert.equal(allNames(store, 'files').length, 20);
  await store.close();
  await assertNothingHalfStored();
});

test('put says that there is no space', { skip }, async () => {
  await writeFile(join(tree, 'new'), Buffer.alloc(MiB, 'new '));
  await disk?.leave(MiB / 2);
  const { status, stdout, stderr } = await outcome(
    spawnCli(['put', join(tree, 'new'), 'files/new', '--config', config]),
  );
  assert.deepEqual([status, stdout], [1, '']);
  const remedy = /^sealgate: (\S+): there is no space left for the store; make room on its disk, [^\n]*\n$/;
  assert.equal(remedy.exec(stderr)?.[1], join(site, 'store'));
  await disk?.makeRoom();
  await assertNothingHalfStored();
});

test('an upload is answered with 507, reads go on, and writes do once there is room', { skip }, async () => {
  const token = (await runCli('token', 'add', 'write:*', '--config', config)).trim();
  const server = await TestServer.start(
    { dir: outside, config, certificate: join(site, 'tls/certificate.pem'), token, remove: async () => {} },
    '--workers',
    '2',
  );
  try {
    await disk?.leave(MiB / 2);
    const refused = await server.put('/o/files/upload', join(tree, 'new'));
    assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).title], [507, 'store-full']);
    const diagnosed = async () => {
      const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
      return symptoms.map(({ name, seen }) => `${name}: ${seen}`).join('\n');
    };
    // Samples are taken every few seconds.
    const said = await until(diagnosed, (all) => all !== '', 'a symptom');
    assert.match(said, /^disk-full: .*: 1 request refused with 507 .*; now 0 of 96 MiB are free$/);
    assert.equal((await server.curl('/o/files/upload')).status, 404);
    assert.ok((await server.curl('/o/files/file%203')).body.equals(bytesOf('file 3')));
    await disk?.makeRoom();
    assert.equal((await server.put('/o/files/upload', join(tree, 'new'))).status, 201);
  } finally {
    assert.equal(await server.stop(), 0);
  }
  await assertNothingHalfStored();
});

test('names go on while blobs have no room, and stop before a commit could fail', { skip }, async () => {
  const store = await openStore({ root: join(site, 'store') });
  await putBytes(store, 'files', 'room', 'room');
  await putBytes(store, 'files', 'to be deleted', 'room');
  await disk?.leave(0);
  const to = { digest: sha256('room'), mediaType: 'text/plain' };
  const refusal = async (atATime: number) => {
    for (let i = 0; i < 60_000; i += atATime) {
      const names = Array.from({ length: atATime }, (_, n) => `${atATime} ${i + n} ${'long '.repeat(100)}`);
      const puts = await Promise.allSettled(names.map((name) => store.putRef('files', name, to)));
      const refused = puts.find((put) => put.status === 'rejected');
      if (refused) return { after: i, code: refused.reason.code };
    }
    return undefined;
  };
  const refused = await refusal(500);
  assert.equal(refused?.code, 'store-full');
  // A commit of few needs less.
  assert.equal((await refusal(1))?.code, 'store-full');
  assert.ok(refused.after >= 500, 'what was allocated ahead is used');
  await assert.rejects(store.createBucket('more', 'versioned'), { code: 'store-full' });
  // What frees space has some to itself, also beside what is refused.
  const [beside, deleted] = await Promise.allSettled([
    store.putRef('files', 'beside', to),
    store.deleteRef('files', 'to be deleted'),
  ]);
  assert.equal(beside.status === 'rejected' && beside.reason.code, 'store-full');
  assert.equal(deleted.status === 'fulfilled' && deleted.value, true);
  await store.close();

  const again = await openStore({ root: join(site, 'store') });
  assert.equal(again.resolve('files', 'room')?.deleted, false);
  await again.createBucket('files', 'write-once');
  assert.match((await again.fault()) ?? 'none', /none/);
  await disk?.makeRoom();
  assert.equal(await again.putRef('files', 'no room', to), 'created');
  await again.close();
});

test('a store on a disk without any room is served', { skip }, async () => {
  await disk?.leave(0);
  const server = await TestServer.start(
    {
      dir: outside,
      config,
      certificate: join(site, 'tls/certificate.pem'),
      token: '',
      remove: async () => {},
    },
    '--workers',
    '1',
  );
  assert.equal((await server.curl('/o/files/room')).body.toString(), 'room');
  assert.equal(await server.stop(), 0);
  await disk?.makeRoom();
});

// Its id and its journal are written when it is opened for the first time by a version that has them.
test('a store of before there was a journal is read on a full disk, and written with room', {
  skip,
}, async () => {
  await rm(join(site, 'store/journal'));
  await rm(join(site, 'store/blobs/id'));
  const token = (await runCli('token', 'add', 'write:*', '--config', config)).trim();
  await disk?.leave(0);
  const server = await TestServer.start(
    { dir: outside, config, certificate: join(site, 'tls/certificate.pem'), token, remove: async () => {} },
    '--workers',
    '1',
  );
  const ready = () => fetch(`${server.control}/readyz`);
  assert.equal((await server.curl('/o/files/room')).body.toString(), 'room');
  const unready = await ready();
  assert.equal(unready.status, 503);
  assert.match(await unready.text(), /metadata: the store could not be made ready for writing: ENOSPC/);
  assert.match(server.log(), /the store can be read and not written: [^"]*ENOSPC/);
  const refused = await server.put('/o/files/upload', join(tree, 'new'));
  assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).title], [507, 'store-full']);
  const auth = ['-H', `Authorization: Bearer ${token}`];
  assert.equal((await server.curl('/o/files/room', '-X', 'DELETE', ...auth)).status, 507);
  await disk?.makeRoom();
  assert.equal((await ready()).status, 200);
  assert.equal((await server.put('/o/files/with%20a%20journal', join(tree, 'new'))).status, 201);
  assert.equal(await server.stop(), 0);
  assert.match(await readFile(join(site, 'store/journal'), 'utf8'), /"with a journal",1\]/);
});

test('an older data.mdb on a full disk: no version is used twice once there is room', { skip }, async () => {
  const root = join(site, 'store');
  const data = join(root, 'meta/data.mdb');
  const open = () => openStore({ root });
  let store = await open();
  await store.createBucket('live', 'versioned');
  await putBytes(store, 'live', 'other', 'second');
  await store.close();
  await copyFile(data, join(outside, 'older.mdb'));
  store = await open();
  await putBytes(store, 'live', 'page', 'first');
  await store.close();
  await copyFile(join(outside, 'older.mdb'), data);
  // What is removed at the start would make room for the id.
  for (const path of ['blobs/id', 'meta/closed']) await rm(join(root, path));
  await disk?.leave(0);
  store = await open();
  assert.equal(store.resolve('live', 'page'), undefined);
  assert.match((await store.fault()) ?? '', /could not be made ready/);
  await disk?.makeRoom();
  await store.putRef('live', 'page', { digest: sha256('second'), mediaType: 'text/plain' });
  const page = store.resolve('live', 'page');
  assert.deepEqual([page?.version, page?.deleted === false && page.digest], [2, sha256('second')]);
  await store.close();
});
