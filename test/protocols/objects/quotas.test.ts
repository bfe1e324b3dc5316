// A quota that is reached answers 507 and says which: before the body comes where its length is known, and
// again when its name is to be committed.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTestApp } from '../../support/app.ts';
import { sha256 } from '../../support/store.ts';

const app = await openTestApp();
after(() => app.close());
await app.store.setBucket('live', { quota: { bytes: 10 } });
await app.put('/o/live/a', '12345678');

const problem = (bytes: number) => ({
  type: 'urn:sealgate:problem:quota-reached',
  title: 'quota-reached',
  status: 507,
  detail:
    `Bucket live has a quota of 10 bytes, of which 8 are used; this would add ${bytes}. Older versions ` +
    'count until they are collected.',
  bucket: 'live',
  quota: 'bytes',
  limit: 10,
  used: 8,
});

const document = ({ body }: { body: string | Uint8Array }) => JSON.parse(body.toString());

test('a body that is announced as too long is refused before it comes', async () => {
  const fields = ['Content-Length: 3'];
  const answer = await app.ask('PUT', '/o/live/b', ...fields);
  assert.equal(answer.kind, 'respond');
});

test('one whose length is not known is refused when it is there', async () => {
  const refused = await app.put('/o/live/b', '123', 'Transfer-Encoding: chunked');
  assert.deepEqual([refused.status, document(refused)], [507, problem(3)]);
});

test('one that fits is taken, announced or not', async () => {
  assert.equal((await app.put('/o/live/b', '1', 'Content-Length: 1')).status, 201);
  assert.equal((await app.put('/o/live/c', '2')).status, 201);
});

test('at the quota the bytes that a name has already are 200, and a deletion passes', async () => {
  assert.equal((await app.put('/o/live/a', '12345678', 'Content-Length: 8')).status, 200);
  assert.equal((await app.put('/o/live/a', '12345678', 'Transfer-Encoding: chunked')).status, 200);
  assert.equal((await app.put('/o/live/a', '87654321', 'Content-Length: 8')).status, 507);
  assert.equal((await app.response('DELETE', '/o/live/b')).status, 204);
});

test('a copy, and a list of names, are refused as an upload is', async () => {
  const copied = await app.response('COPY', '/o/live/a', 'Destination: /o/live/copy');
  assert.deepEqual([copied.status, document(copied).title], [507, 'quota-reached']);
  const list = {
    entries: [
      { name: 'new', digest: sha256('12345678') },
      { name: 'a', deleted: true },
    ],
  };
  assert.equal((await app.put('/o/live/', JSON.stringify(list))).status, 507);
  assert.equal((await app.get('/o/live/a')).kind, 'deliver');
});
