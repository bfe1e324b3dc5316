// DELETE: a tombstone, and what can follow it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

test('a deleted name is gone, and its bytes are not', async () => {
  await app.put('/o/files/a', 'bytes');
  const { digest } = (await app.get('/o/files/a')).blob;
  assert.equal((await app.response('DELETE', '/o/files/a')).status, 204);
  assert.equal((await app.response('GET', '/o/files/a')).status, 410);
  assert.equal((await app.get(`/sha256/${digest}`)).blob.size, 5);
});

test('what is not there cannot be deleted', async () => {
  const never = await app.response('DELETE', '/o/files/never');
  assert.deepEqual([never.status, problemName(never)], [404, 'not-found']);
  await app.put('/o/live/twice', 'x');
  await app.response('DELETE', '/o/live/twice');
  assert.equal((await app.response('DELETE', '/o/live/twice')).status, 404);
});

test('a write-once name keeps its bytes beyond deletion', async () => {
  await app.put('/o/files/b', 'first');
  await app.response('DELETE', '/o/files/b');
  assert.equal(problemName(await app.put('/o/files/b', 'second')), 'name-taken');
  assert.ok((await app.put('/o/files/b', 'first')).status < 300);
  assert.equal((await app.get('/o/files/b')).blob.size, 5);
});
