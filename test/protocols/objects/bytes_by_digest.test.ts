// /sha256/{hex}: bytes by what they are, with or without a name.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const path = (body: string) => `/sha256/${createHash('sha256').update(body).digest('hex')}`;

test('bytes stored under a name are answered under their digest', async () => {
  await app.put('/o/live/named.html', 'named');
  const plan = await app.get(path('named'));
  assert.equal(plan.contentType, 'application/octet-stream');
  assert.equal(field(plan, 'Cache-Control'), 'public, max-age=31536000, immutable');
});

test('PUT stores bytes that keep the promise of the path', async () => {
  const made = await app.put(path('bare'), 'bare');
  assert.deepEqual([made.status, field(made, 'Location')], [201, path('bare')]);
  assert.equal((await app.put(path('bare'), 'bare')).status, 200);
  assert.equal((await app.get(path('bare'))).blob.size, 4);
});

test('PUT of other bytes is 422 and stores nothing', async () => {
  const refused = await app.put(path('promised'), 'sent');
  assert.deepEqual([refused.status, problemName(refused)], [422, 'digest-mismatch']);
  assert.equal((await app.response('GET', path('promised'))).status, 404);
  assert.equal((await app.response('GET', path('sent'))).status, 404);
});

test('a digest field that contradicts the path is refused at once', async () => {
  const digest = createHash('sha256').update('other').digest('base64');
  const fields = ['Content-Length: 5', `Content-Digest: sha-256=:${digest}:`];
  assert.equal((await app.response('PUT', path('this'), ...fields)).status, 422);
});
