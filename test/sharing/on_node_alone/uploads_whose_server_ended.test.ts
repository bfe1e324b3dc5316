// An upload in several requests to a shared bucket: its server was killed after the shared store had its
// record and the bytes were placed, and before its name was written here. What others changed since stays.

import assert from 'node:assert/strict';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { addon } from '../../../src/native/addon.ts';
import { Epochs } from '../../../src/objects/epochs.ts';
import { ResumableUploads } from '../../../src/objects/resumable_uploads.ts';
import { SharedObjects } from '../../../src/objects/shared_objects.ts';
import { Flights } from '../../../src/upstream/flights.ts';
import { isDeleted, type TierRecord } from '../../../src/upstream/tier_record.ts';
import { Ceph } from '../../support/ceph.ts';
import { sha256, TestStore } from '../../support/store.ts';
import { OpenTier } from '../../support/tier.ts';
import { until } from '../../support/wait.ts';

const ceph = await Ceph.start();
const [site, open] = await Promise.all([TestStore.open(), OpenTier.at(ceph.url())]);
const { signal } = new AbortController();
const objects = new SharedObjects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 1000,
  sharing: { of: () => ({ tier: open.tier, freshMs: 0 }), flights: new Flights(), signal },
});
const log = pino({ level: 'silent' });
let current: ResumableUploads | undefined;
/** As the next process does. */
async function next(): Promise<ResumableUploads> {
  current?.close();
  current = await ResumableUploads.open(site.store, objects, log);
  return current;
}
after(async () => {
  current?.close();
  await Promise.all([site.remove(), open.end()]);
  await ceph.end();
});

const bucket = 'live';

async function there(name: string): Promise<TierRecord | undefined> {
  const read = await open.tier.read({ bucket, name });
  return read === 'absent' || read === 'same' ? undefined : read.record;
}

/** As another server does, or this one before it was killed. @param text undefined: deletes it. */
async function change(name: string, text: string | undefined, expires?: number): Promise<void> {
  const at = { bucket, name };
  const read = await open.tier.read(at);
  const before = read === 'absent' || read === 'same' ? undefined : read;
  const version = (before?.record.version ?? 0) + 1;
  const about = { format: 1 as const, stamp: crypto.randomUUID(), version, created: Date.now() };
  const last = before && !isDeleted(before.record) ? before.record.digest : '';
  if (text !== undefined) await open.keep(text);
  const what =
    text === undefined
      ? { deleted: true as const, last }
      : {
          ...{ digest: sha256(text), size: text.length, mediaType: 'text/plain' },
          ...(expires !== undefined && { expires }),
        };
  const written = await open.tier.write(at, { ...about, ...what }, before?.etag);
  assert.ok('etag' in written);
}

/** Leaves an upload so, with its record in the shared store. */
async function leave(name: string, text: string): Promise<void> {
  const to = { bucket, name };
  const conditions = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };
  const [length, expireAfter] = [text.length, 3_600_000];
  const about = { to, owner: 'one', length, expireAfter, asked: { conditions, size: length } };
  const uploads = await next();
  const id = await uploads.begin(about, (upload) => upload.id);
  const folder = join(site.store.uploadFolders()[0] ?? '', id);
  const lock = await until(
    () => addon.lockStore(`${folder}/`),
    (its) => its !== undefined,
    'a lock that is released',
  );
  lock?.release();
  uploads.close();
  const whole = { digest: sha256(text), size: length };
  const over = objects.standing(to);
  const record = join(folder, 'record');
  const now = JSON.parse(await readFile(record, 'utf8'));
  await writeFile(record, JSON.stringify({ ...now, whole, over, synced: length }));
  await change(name, text);
  const [data, blob] = [join(folder, 'data'), site.blobPath(whole.digest)];
  await mkdir(dirname(blob), { recursive: true });
  await writeFile(data, text);
  await rename(data, blob);
}

const held = (name: string) => objects.digestOf({ bucket, name });

test('its record stands: the next process writes its name', async () => {
  await leave('stands', 'the upload that stands');
  await next();
  assert.equal(held('stands'), sha256('the upload that stands'));
});

const old = 'the bytes before';
const cases: [string, (name: string, text: string) => Promise<void>][] = [
  ['deleted', (name) => change(name, undefined)],
  [
    'overwritten and then deleted',
    async (name) => {
      await change(name, 'others');
      await change(name, undefined);
    },
  ],
  ['overwritten', (name) => change(name, 'others')],
  ['given the bytes that it had before', (name) => change(name, old)],
  ['ended by the time of its record', (name, text) => change(name, text, Date.now() - 1)],
];
for (const [what, meanwhile] of cases)
  test(`its name was ${what} by another server: that stays, and the upload is dropped`, async () => {
    const [name, text] = [what.replaceAll(' ', '-'), `the upload to what was ${what}`];
    await change(name, old);
    await objects.get({ bucket, name });
    assert.equal(held(name), sha256(old));
    await leave(name, text);
    await meanwhile(name, text);
    const before = await there(name);
    assert.ok(before);
    const uploads = await next();
    assert.deepEqual(await there(name), before);
    assert.equal(uploads.counters().resumable_uploads, 0);
    assert.notEqual(held(name), sha256(text));
  });
