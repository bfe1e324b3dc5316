// GET /o/{bucket}/{name}: the plan says what the newest version is and how long it may be kept.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

test('a name of a write-once bucket may be kept for ever', async () => {
  await app.put('/o/files/a/page.html', '<p>', 'Content-Length: 3');
  const plan = await app.get('/o/files/a/page.html');
  assert.equal(plan.contentType, 'text/html; charset=utf-8');
  assert.equal(field(plan, 'Cache-Control'), 'public, max-age=31536000, immutable');
  assert.equal(field(plan, 'X-Content-Type-Options'), 'nosniff');
  assert.equal(plan.blob.size, 3);
  assert.ok(Math.abs(plan.lastModified - Date.now() / 1000) < 60);
});

test('a name of a versioned bucket is checked each time', async () => {
  await app.put('/o/live/now.txt', 'one');
  await app.put('/o/live/now.txt', 'three');
  const plan = await app.get('/o/live/now.txt?t=1');
  assert.equal(plan.blob.size, 5);
  assert.equal(field(plan, 'Cache-Control'), 'public, max-age=0, must-revalidate');
});

test('HEAD has the plan of GET', async () => {
  await app.put('/o/files/head', 'x');
  const [get, head] = [await app.get('/o/files/head'), await app.ask('HEAD', '/o/files/head')];
  assert.equal(head.kind, 'deliver');
  assert.equal(head.kind === 'deliver' && head.blob.digest, get.blob.digest);
  assert.equal(head.kind === 'deliver' && head.fields, get.fields);
});

test('a name with an encoded percent sign: decoded once', async () => {
  await app.put('/o/files/a%20b%2525', 'x');
  assert.ok(app.store.resolve('files', 'a b%25'));
  assert.equal((await app.get('/o/files/%61%20b%2525')).blob.size, 1);
});

test('a name never written is 404, a deleted one 410', async () => {
  const unknown = await app.response('GET', '/o/files/none');
  assert.deepEqual([unknown.status, problemName(unknown)], [404, 'not-found']);
  const noBucket = await app.response('GET', '/o/nobody/none');
  assert.deepEqual([noBucket.status, problemName(noBucket)], [404, 'bucket-unknown']);
  await app.put('/o/live/gone', 'x');
  await app.response('DELETE', '/o/live/gone');
  const gone = await app.response('GET', '/o/live/gone');
  assert.deepEqual([gone.status, problemName(gone)], [410, 'name-deleted']);
});
