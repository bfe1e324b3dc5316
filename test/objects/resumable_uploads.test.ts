// Uploads in several requests: how many there may be at a time, and how much room they must have.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { addon } from '../../src/native/addon.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { ResumableUploads } from '../../src/objects/resumable_uploads.ts';
import { SharedObjects } from '../../src/objects/shared_objects.ts';
import { TestStore } from '../support/store.ts';

const site = await TestStore.open();
after(() => site.remove());
const objects = new SharedObjects({
  store: site.store,
  epochs: new Epochs(addon),
  firstRead: () => 'trust',
  maxObjectBytes: 100,
});
const log = pino({ level: 'silent' });
const most = 8;
const open = () => ResumableUploads.open(site.store, objects, log, most);

const conditions = { ifMatch: undefined, ifNoneMatch: undefined, ifUnmodifiedSince: undefined };
const about = (owner: string, name: string, length?: number) => ({
  to: { bucket: 'live', name },
  owner,
  length,
  expireAfter: 60_000,
  asked: { conditions, ...(length !== undefined && { size: length }) },
});

test('of eight uploads at a time a client has six, also after a restart; an end makes room', async () => {
  const uploads = await open();
  const begin = (owner: string, name: string) => uploads.begin(about(owner, name, 5), ({ id }) => id);
  const own: string[] = [];
  for (let number = 0; number < 6; number++) own.push(await begin('one', `of one ${number}`));
  await assert.rejects(begin('one', 'more'), { code: 'too-many-uploads' });
  for (const number of [1, 2]) await begin('other', `of the other ${number}`);
  await assert.rejects(begin('third', 'more'), { code: 'too-many-uploads' });
  uploads.close();
  const next = await open();
  await assert.rejects(
    next.begin(about('third', 'more', 5), () => {}),
    { code: 'too-many-uploads' },
  );
  await next.use(own[0] ?? '', (upload) => next.end(upload));
  await next.begin(about('third', 'more', 5), () => {});
  assert.equal(next.counters().resumable_uploads, most);
  for (const id of own.slice(1)) await next.use(id, (upload) => next.end(upload));
  next.close();
});

test('a length beyond the quota is refused when an upload begins, and when it is said later', async () => {
  await site.store.setBucket('live', { quota: { bytes: 10 } });
  const uploads = await open();
  await assert.rejects(
    uploads.begin(about('one', 'large', 11), () => {}),
    { code: 'quota-reached' },
  );
  const id = await uploads.begin(about('one', 'later'), (upload) => upload.id);
  await uploads.use(id, async (upload) => {
    await assert.rejects(upload.setLength(11), { code: 'quota-reached' });
    assert.equal(upload.about.length, undefined);
    await upload.setLength(10);
    assert.equal(upload.about.length, 10);
  });
  uploads.close();
});
