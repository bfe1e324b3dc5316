// The space of a mirror's bucket: what is evicted, in which order, and what never is.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import pino from 'pino';
import { mirrorSchema } from '../../src/config/mirror.ts';
import type { SiteConfig } from '../../src/config/sites.ts';
import { addon } from '../../src/native/addon.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import { MirrorSpace } from '../../src/upstream/mirror_space.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const hour = 3_600_000;
const day = 24 * hour;
let now = Date.now();
let site: TestStore;
let space: MirrorSpace;
const dir = await mkdtemp(join(tmpdir(), 'sealgate-space-'));

async function open(settings: object): Promise<void> {
  const { store } = site;
  const epochs = new Epochs(addon);
  const objects = new Objects({ store, epochs, firstRead: () => 'trust', maxObjectBytes: 1e6 });
  const dropStalePlans = async () => {};
  space = new MirrorSpace({
    ...{ store, objects, epochs, dropStalePlans },
    log: pino({ level: 'silent' }),
    now: () => now,
  });
  const of = (more: object) =>
    ({ protocol: 'mirror', bucket: 'live', host: '*', path: '/m/', ...more }) as SiteConfig;
  space.follow([of({ mirror: mirrorSchema.parse({ local: ['/m/own/**'], ...settings }) })]);
}

beforeEach(async () => {
  await space?.close();
  await site?.remove();
  site = await TestStore.open();
});
after(async () => {
  await space.close();
  await site.remove();
  await rm(dir, { recursive: true });
});

const at = (name: string) => ({ bucket: 'live', name });

/** What a fetch does. */
async function fetched(name: string, bytes: string, upstream = 'up'): Promise<void> {
  const { leave } = space.enter(at(name));
  assert.equal(await space.room(at(name), bytes.length), 'kept');
  const { store } = site;
  const [source, staging] = [join(dir, 'source'), store.stagingPath()];
  await writeFile(source, bytes);
  const fields = upstream === '' ? undefined : { meta: { upstream } };
  const outcome = await store.putObject(
    'live',
    name,
    { staging, ...addon.importFile(source, staging) },
    { mediaType: 'text/plain', fields },
  );
  if (upstream !== '') space.stored(at(name), outcome === 'replaced');
  leave();
}

const names = () =>
  site.store.list('live', { prefix: '', after: '', limit: 1000 }).entries.map(({ name }) => name);
const bytesOf = (letter: string) => letter.repeat(100);

test('above the bound what was not used for longest goes; a use an hour later saves an object', async () => {
  await open({ maxBytes: 500 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    now += 1;
    await fetched(name, bytesOf(name));
  }
  now += hour;
  space.used(at('a'));
  await fetched('f', bytesOf('f'));
  await until(
    () => names().length,
    (length) => length <= 5,
    'one has gone',
  );
  assert.ok(names().includes('a') && names().includes('f'), String(names()));
  assert.ok(!names().includes('b'));
  assert.equal(site.store.blob(sha256(bytesOf('b'))), undefined);
  assert.equal(existsSync(site.blobPath(sha256(bytesOf('b')))), false);
  assert.ok((site.store.usage('live')?.bytes ?? 0) <= 500);
  assert.deepEqual(await site.store.miscounted(), []);
});

test('objects that nobody used for unusedDays go, and others stay', async () => {
  await open({ unusedDays: 30 });
  await fetched('old', bytesOf('o'));
  await fetched('used', bytesOf('u'));
  now += 20 * day;
  space.used(at('used'));
  now += 11 * day;
  space.resume();
  await until(names, (all) => !all.includes('old'), 'the old one has gone');
  assert.deepEqual(names(), ['used']);
});

test('what no upstream sent and what matches local stays, whatever the bound', async () => {
  await open({ maxBytes: 300 });
  await fetched('uploaded', bytesOf('1'), '');
  await fetched('own/tool', bytesOf('2'));
  await fetched('mirrored', bytesOf('3'));
  await fetched('another', bytesOf('4'));
  assert.deepEqual(names(), ['another', 'own/tool', 'uploaded']);
  const { leave } = space.enter(at('larger'));
  assert.equal(await space.room(at('larger'), 301), 'passed');
  assert.ok(names().includes('another'), 'what cannot fit evicts nothing');
  leave();
});

test('older versions of objects that were replaced go before other objects', async () => {
  await open({ maxBytes: 334 });
  await fetched('other', bytesOf('o'));
  now += 1;
  await fetched('list', bytesOf('1'));
  await fetched('list', bytesOf('2'));
  await fetched('third', bytesOf('3'));
  assert.deepEqual(names(), ['list', 'other', 'third']);
  assert.equal(site.store.usage('live')?.bytes, 300);
  assert.equal(site.store.blob(sha256(bytesOf('1'))), undefined);
});

test('bytes that another bucket has too stay there when a mirror evicts them', async () => {
  await open({ maxBytes: 100 });
  await site.put('files', 'kept', bytesOf('k'));
  await fetched('k', bytesOf('k'));
  await fetched('l', bytesOf('l'));
  assert.deepEqual(names(), ['l']);
  assert.equal(site.store.blob(sha256(bytesOf('k')))?.size, 100);
});

test('uses outlive a restart, and what was never noted counts as used when it was stored', async () => {
  await open({ maxBytes: 10_000 });
  now = Date.now() + day;
  await fetched('a', bytesOf('a'));
  await space.close();
  await open({});
  await fetched('b', bytesOf('b'));
  site.store.eviction.uses.note('live', 'b', undefined);
  await space.close();
  await site.reopen();
  await open({ maxBytes: 150 });
  await until(names, (all) => all.length <= 1, 'one has gone');
  assert.deepEqual(names(), ['a']);
});

test('in a write-once bucket an evicted name takes the bytes that it had, and no others', async () => {
  await open({ maxBytes: 500 });
  const { store } = site;
  await site.put('files', 'name', 'first');
  assert.deepEqual(await store.eviction.evict('files', 'name'), [sha256('first')]);
  assert.equal(store.usage('files')?.bytes, 0);
  assert.equal(await store.eviction.free([sha256('first')]), 5);
  await assert.rejects(site.put('files', 'name', 'second'), { code: 'name-taken' });
  await site.put('files', 'name', 'first');
  assert.deepEqual(await store.miscounted(), []);
});
