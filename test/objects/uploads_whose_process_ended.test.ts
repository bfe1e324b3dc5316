// An upload in several requests whose bytes were placed in the store before its process was killed, and whose
// name was not written: it is completed, waits for what keeps it from that, or gives way to what is newer.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { addon } from '../../src/native/addon.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { ResumableUploads } from '../../src/objects/resumable_uploads.ts';
import { SharedObjects } from '../../src/objects/shared_objects.ts';
import { sha256, TestStore } from '../support/store.ts';
import { until } from '../support/wait.ts';

const site = await TestStore.open();
const objects = new SharedObjects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 1000,
});
const said: string[] = [];
const log = pino({}, { write: (line: string) => said.push(line) });
let current: ResumableUploads | undefined;
/** As the next process does. */
async function open(): Promise<ResumableUploads> {
  current?.close();
  current = await ResumableUploads.open(site.store, objects, log);
  return current;
}
after(async () => {
  current?.close();
  await site.remove();
});

const conditions = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };
const bucket = 'live';
const expireAfter = 3_600_000;

/** What a name holds; undefined: nothing. */
async function held(name: string): Promise<string | undefined> {
  const digest = objects.digestOf({ bucket, name });
  return digest && readFile(site.blobPath(digest), 'utf8');
}

/** It is when nobody uses the upload any more. */
async function untilUnlocked(folder: string): Promise<void> {
  const taken = () => addon.lockStore(`${folder}/`);
  const lock = await until(taken, (its) => its !== undefined, 'a lock that is released');
  lock?.release();
}

interface Left {
  id: string;
  blob: string;
  record: string;
}

/** As a process leaves it that is killed between the placing of the bytes and their record. */
async function leave(name: string, text: string, noted: object = {}): Promise<Left> {
  const to = { bucket, name };
  const length = text.length;
  const about = { to, owner: 'one', length, expireAfter, asked: { conditions, size: length } };
  const uploads = await open();
  const id = await uploads.begin(about, (upload) => upload.id);
  const [folder] = site.store.uploadFolders();
  const [data, record] = ['data', 'record'].map((each) => join(folder ?? '', id, each)) as [string, string];
  await untilUnlocked(dirname(record));
  uploads.close();
  const whole = { digest: sha256(text), size: length };
  const over = objects.standing(to);
  const now = JSON.parse(await readFile(record, 'utf8'));
  await writeFile(record, JSON.stringify({ ...now, whole, over, synced: length, ...noted }));
  const blob = site.blobPath(whole.digest);
  await mkdir(dirname(blob), { recursive: true });
  await writeFile(data, text);
  await rename(data, blob);
  return { id, blob, record };
}

const isLeft = async ({ id }: Left) => (await readdir(site.store.uploadFolders()[0] ?? '')).includes(id);

test('killed before its name was written: the next process writes it', async () => {
  await site.put(bucket, 'page', 'before');
  const left = await leave('page', 'the upload');
  const uploads = await open();
  assert.equal(await held('page'), 'the upload');
  await uploads.use(left.id, async (upload) => {
    assert.ok(upload.isStored);
    assert.equal(await upload.offset(), 10);
    await uploads.end(upload);
  });
});

test('a name that was written after the kill keeps what it has, and the upload is dropped', async () => {
  for (const [name, before, change] of [
    ['new', undefined, () => site.put(bucket, 'new', 'newer')],
    ['other', 'before', () => site.put(bucket, 'other', 'newer')],
    ['deleted', 'before', () => site.store.deleteRef(bucket, 'deleted')],
    [
      'as it was',
      'before',
      async () => {
        await site.put(bucket, 'as it was', 'between');
        await site.put(bucket, 'as it was', 'before');
      },
    ],
  ] as const) {
    if (before !== undefined) await site.put(bucket, name, before);
    const left = await leave(name, `the upload of ${name}`);
    await change();
    const now = await held(name);
    said.length = 0;
    const uploads = await open();
    assert.equal(await held(name), now, name);
    assert.equal(await isLeft(left), false, name);
    assert.match(said.join(), /has been written meanwhile.*could not be stored, and is removed/, name);
    await assert.rejects(
      uploads.use(left.id, () => {}),
      { code: 'not-found' },
      name,
    );
  }
});

test('without a note of what the name had, nothing is overwritten', async () => {
  await site.put(bucket, 'no note', 'before');
  const left = await leave('no note', 'the upload without a note', { over: undefined });
  await open();
  assert.equal(await held('no note'), 'before');
  assert.equal(await isLeft(left), false);
});

test('its name was written, and others over it, before that was noted: it is stored, they stay', async () => {
  const text = 'written before the kill';
  const left = await leave('again', text);
  await site.put(bucket, 'again', text);
  await site.put(bucket, 'again', 'newer');
  const uploads = await open();
  assert.equal(await held('again'), 'newer');
  await uploads.use(left.id, async (upload) => {
    assert.ok(upload.isStored);
    await uploads.end(upload);
  });
});

test('without room for its name it waits, is counted, and is stored once there is room', async () => {
  const left = await leave('waits', 'it waits for room');
  await site.store.setBucket(bucket, { quota: { bytes: 1 } });
  said.length = 0;
  const uploads = await open();
  assert.match(said.join(), /quota-reached.*cannot be stored for now, and waits/);
  const code = 'quota-reached';
  for (let tries = 0; tries < 3; tries++)
    await assert.rejects(
      uploads.use(left.id, () => {}),
      { code },
    );
  assert.equal(said.length, 1, 'said once');
  const { resumable_uploads, resumable_upload_bytes } = uploads.counters();
  assert.deepEqual([resumable_uploads, resumable_upload_bytes], [1, 17]);
  assert.equal(await held('waits'), undefined);
  await site.store.setBucket(bucket, { quota: { bytes: 'none' } });
  await until(
    () => held('waits'),
    (text) => text === 'it waits for room',
    'a further try, which nobody asks for',
  );
  await uploads.use(left.id, (upload) => uploads.end(upload));
});

test('without room while blobs without a name are collected it keeps its bytes', async () => {
  const left = await leave('kept', 'it outlives a collection');
  await site.store.setBucket(bucket, { quota: { bytes: 1 } });
  const uploads = await open();
  await site.store.collect({ graceMs: 0 });
  await site.store.setBucket(bucket, { quota: { bytes: 'none' } });
  await until(
    () => held('kept'),
    (text) => text === 'it outlives a collection',
    'a further try',
  );
  await uploads.use(left.id, (upload) => uploads.end(upload));
});

test('one that waits for room can be given up', async () => {
  const left = await leave('given up', 'nobody wants it now');
  await site.store.setBucket(bucket, { quota: { bytes: 1 } });
  const uploads = await open();
  assert.deepEqual((await uploads.waiting(left.id))?.to, { bucket, name: 'given up' });
  assert.equal(await uploads.endWaiting(left.id), true);
  assert.equal(await uploads.endWaiting(left.id), false);
  await site.store.setBucket(bucket, { quota: { bytes: 'none' } });
  assert.equal(await isLeft(left), false);
  assert.equal(uploads.counters().resumable_uploads, 0);
  await assert.rejects(
    uploads.use(left.id, () => {}),
    { code: 'not-found' },
  );
});

test('without room until its time is over it is given up', async () => {
  const noted = { expires: Date.now() + 1500 };
  const left = await leave('never', 'it never gets room', noted);
  await site.store.setBucket(bucket, { quota: { bytes: 1 } });
  const uploads = await open();
  await until(
    () => uploads.counters().resumable_uploads_expired,
    (expired) => expired === 1,
    'its end',
  );
  await site.store.setBucket(bucket, { quota: { bytes: 'none' } });
  assert.equal(await isLeft(left), false);
  assert.equal(await held('never'), undefined);
});

test('a fault of the disk does not keep its lock: it is stored once the fault is gone', async () => {
  const text = 'it meets a fault';
  const left = await leave('fault', text);
  await rm(left.blob);
  await mkdir(left.blob);
  const uploads = await open();
  await assert.rejects(
    uploads.use(left.id, () => {}),
    (error: { code?: string }) => error.code !== 'upload-busy' && error.code !== 'not-found',
  );
  await untilUnlocked(dirname(left.record));
  await rm(left.blob, { recursive: true });
  await writeFile(left.blob, text);
  await until(
    () => held('fault'),
    (now) => now === text,
    'a further try',
  );
});

test('a whole one whose record cannot be written is stored when its last byte comes again', async () => {
  const text = 'its record cannot be written';
  const whole = { digest: sha256(text), size: text.length };
  const { id, blob, record } = await leave('record', text, {
    whole: undefined,
    expires: Date.now() + expireAfter,
  });
  await rename(blob, join(dirname(record), 'data'));
  const uploads = await open();
  const store = () => uploads.use(id, (upload) => uploads.received(upload, 0, whole, true));
  await mkdir(`${record}.tmp`);
  await assert.rejects(store(), { code: 'EISDIR' });
  await rm(`${record}.tmp`, { recursive: true });
  const wanted = () => uploads.use(id, (upload) => upload.wantedOffset());
  assert.equal(await wanted(), text.length - 1);
  await untilUnlocked(dirname(record));
  assert.equal(await wanted(), text.length - 1, 'and for whoever opens it anew');
});
