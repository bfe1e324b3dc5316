// COPY: another name for bytes that are stored, by name and by digest.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const copy = (from: string, to: string, ...fields: string[]) =>
  app.response('COPY', from, `Destination: ${to}`, ...fields);

test('a new name: 201 with its place, the same bytes and media type', async () => {
  await app.put('/o/files/a', 'bytes', 'Content-Type: text/x-test');
  const copied = await copy('/o/files/a', '/o/live/b%20c');
  assert.deepEqual([copied.status, field(copied, 'Location')], [201, '/o/live/b%20c']);
  const { blob, contentType } = await app.get('/o/live/b%20c');
  assert.deepEqual([blob.digest, contentType], [(await app.get('/o/files/a')).blob.digest, 'text/x-test']);
  assert.equal((await copy('/o/files/a', '/o/live/b%20c')).status, 200);
});

test('by digest the media type is the new name’s; an absolute destination is taken', async () => {
  const { digest } = (await app.get('/o/files/a')).blob;
  assert.equal((await copy(`/sha256/${digest}`, 'https://host:8443/o/live/page.html')).status, 201);
  assert.equal((await app.get('/o/live/page.html')).contentType, 'text/html; charset=utf-8');
});

test('a name that moves is asked for again by those who kept a plan', async () => {
  await app.put('/o/live/moves', 'old');
  const { epoch } = app.epochs.ofBucket('live');
  assert.equal((await copy('/o/files/a', '/o/live/moves')).status, 200);
  assert.equal(app.epochs.ofBucket('live').epoch, epoch + 1);
});

const refusals: [string, string, string[], number, string][] = [
  ['/o/files/none', '/o/live/x', [], 404, 'not-found'],
  ['/o/nobody/a', '/o/live/x', [], 404, 'bucket-unknown'],
  ['/o/files/a', '/o/nobody/x', [], 404, 'bucket-unknown'],
  ['/o/files/a', '/o/live/', [], 400, 'target-invalid'],
  ['/o/files/a', '/sha256/x', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/x?y', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/../x', [], 400, 'target-invalid'],
  ['/o/files/a', '/o/live/moves', ['Overwrite: F'], 412, 'precondition-failed'],
  [`/sha256/${'0'.repeat(64)}`, '/o/live/x', [], 404, 'not-found'],
];
for (const [from, to, fields, status, name] of refusals) {
  test(`COPY ${from.slice(0, 12)} to ${to} ${fields}: ${status} ${name}`, async () => {
    const refused = await copy(from, to, ...fields).catch((error) => error);
    const [found, problem] =
      refused instanceof Error
        ? [status, (refused as { code?: string }).code]
        : [refused.status, problemName(refused)];
    assert.deepEqual([found, problem], [status, name]);
  });
}

test('other bytes under a write-once name: 409, and a deleted source: 410', async () => {
  await app.put('/o/files/other', 'other bytes');
  const taken = await copy('/o/files/a', '/o/files/other').catch((error) => error);
  assert.equal(taken instanceof Error ? (taken as { code?: string }).code : problemName(taken), 'name-taken');
  await app.put('/o/live/gone', 'gone');
  await app.response('DELETE', '/o/live/gone');
  assert.equal((await copy('/o/live/gone', '/o/live/x')).status, 410);
});
