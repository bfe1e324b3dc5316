// The protocol below a path of its own: every path in an answer, and in Destination, begins with it.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp({ path: '/store/' });
after(() => app.close());

test('PUT answers with a Location below the mount, and GET finds it there', async () => {
  const created = await app.put('/store/o/files/a%20b', 'x');
  assert.deepEqual([created.status, field(created, 'Location')], [201, '/store/o/files/a%20b']);
  assert.equal((await app.get('/store/o/files/a%20b')).blob.size, 1);
});

test('COPY takes a Destination below the mount, and refuses one beside it', async () => {
  await app.put('/store/o/live/from', 'x');
  const copied = await app.response('COPY', '/store/o/live/from', 'Destination: /store/o/live/to');
  assert.deepEqual([copied.status, field(copied, 'Location')], [201, '/store/o/live/to']);
  const beside = await app.response('COPY', '/store/o/live/from', 'Destination: /o/live/beside');
  assert.deepEqual([beside.status, problemName(beside)], [400, 'target-invalid']);
});

test('the overview names the paths of the mount', async () => {
  const { body } = await app.response('GET', '/store/');
  assert.equal(JSON.parse(`${body}`).objects, '/store/o/{bucket}/{name}');
});
