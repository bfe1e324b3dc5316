// X-Delete-After and X-Delete-At: what is said of the object, to readers and caches, and what is refused.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

let ahead = 0;
const app = await openTestApp({ now: () => Date.now() + ahead });
after(() => app.close());
const hour = 3_600_000;

test('X-Delete-After: answers and listings say when, no max-age is longer; then 410', async () => {
  const made = await app.put('/o/files/a', 'after', 'X-Delete-After: 3600');
  const { expires } = JSON.parse(made.body.toString());
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - hour) < 60_000, expires);
  const plan = await app.get('/o/files/a');
  assert.equal(field(plan, 'sunset'), new Date(Math.floor(Date.parse(expires) / 1000) * 1000).toUTCString());
  assert.doesNotMatch(field(plan, 'cache-control') ?? '', /max-age/);
  assert.equal(plan.expires, Math.floor(Date.parse(expires) / 1000));
  const listing = async () => JSON.parse((await app.response('GET', '/o/files/')).body.toString()).entries;
  assert.equal((await listing())[0].expires, expires);
  ahead = hour + 60_000;
  assert.deepEqual(problemName(await app.response('GET', '/o/files/a')), 'name-deleted');
  assert.deepEqual(await listing(), []);
  const { status } = await app.response('DELETE', '/o/files/a', 'If-Match: *');
  assert.equal(status, 412);
  ahead = 0;
});

test('X-Delete-At: the object ends at that second, and a COPY may say another', async () => {
  const end = Math.floor(Date.now() / 1000) + 7200;
  await app.put('/o/live/at', 'at', `X-Delete-At: ${end}`);
  assert.equal((await app.objects.head({ bucket: 'live', name: 'at' })).expires, end * 1000);
  const copy = async (...fields: string[]) => {
    const answer = await app.response('COPY', '/o/live/at', 'Destination: /o/live/copy', ...fields);
    return JSON.parse(answer.body.toString()).expires;
  };
  assert.equal(await copy(), undefined);
  assert.equal(await copy(`X-Delete-At: ${end + 1}`), new Date((end + 1) * 1000).toISOString());
});

const past = Math.floor(Date.now() / 1000) - 1;
for (const line of [
  'X-Delete-After: 0',
  'X-Delete-After: -1',
  'X-Delete-After: 1.5',
  'X-Delete-After: 1h',
  'X-Delete-After:',
  'X-Delete-After: 1, 2',
  'X-Delete-After: 3162240001',
  `X-Delete-At: ${past}`,
  'X-Delete-At: 0',
  'X-Delete-At: Thu, 01 Jan 2099 00:00:00 GMT',
  'X-Delete-At: 999999999999',
  `X-Delete-After: 60\r\nX-Delete-At: ${past + 3600}`,
])
  test(`${line.replace('\r\n', ' ')} is refused with 400`, async () => {
    const refused = await app.response('PUT', '/o/files/refused', line, 'Content-Length: 2');
    assert.deepEqual([refused.status, problemName(refused)], [400, 'field-refused']);
  });

test('bytes without a name and lists of names: X-Delete-After is refused with 400', async () => {
  for (const path of [`/sha256/${'0'.repeat(64)}`, '/o/files/']) {
    const refused = await app.response('PUT', path, 'X-Delete-After: 60', 'Content-Length: 2');
    assert.deepEqual([refused.status, problemName(refused)], [400, 'field-refused']);
  }
});
