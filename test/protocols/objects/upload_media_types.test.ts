// PUT and media types: an answer says what is recorded, and a type can be corrected where names may move.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { field, openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const told = (plan: { body: string | Uint8Array }) => JSON.parse(plan.body.toString()).mediaType;
const served = async (target: string) => (await app.get(target)).contentType;
const digestOf = async (target: string) => Buffer.from((await app.get(target)).blob.digest, 'hex');

test('another type for the same bytes is a new version in a versioned bucket', async () => {
  await app.put('/o/live/page', 'x', 'Content-Type: text/plain');
  const corrected = await app.put('/o/live/page', 'x', 'Content-Type: text/html');
  assert.deepEqual([corrected.status, told(corrected)], [200, 'text/html']);
  assert.equal(await served('/o/live/page'), 'text/html');
  assert.equal(app.store.resolve('live', 'page')?.version, 2);
});

test('another type for the same bytes is 409 in a write-once bucket', async () => {
  await app.put('/o/files/page', 'x', 'Content-Type: text/plain');
  const refused = await app.put('/o/files/page', 'x', 'Content-Type: text/html');
  assert.deepEqual([refused.status, problemName(refused)], [409, 'media-type-differs']);
  assert.equal(await served('/o/files/page'), 'text/plain');
  const promise = `Repr-Digest: sha-256=:${(await digestOf('/o/files/page')).toString('base64')}:`;
  const early = await app.response(
    'PUT',
    '/o/files/page',
    'Content-Length: 1',
    promise,
    'Content-Type: text/html',
  );
  assert.equal(problemName(early), 'media-type-differs');
});

for (const bucket of ['files', 'live']) {
  test(`${bucket}: the bare type is the recorded one where the store added the charset`, async () => {
    await app.put(`/o/${bucket}/added.html`, '<p>');
    const again = await app.put(`/o/${bucket}/added.html`, '<p>', 'Content-Type: text/html');
    assert.deepEqual([again.status, told(again)], [200, 'text/html; charset=utf-8']);
    assert.equal(app.store.resolve(bucket, 'added.html')?.version, 1);
  });

  test(`${bucket}: the same bytes without a type keep the recorded one, and the answer says it`, async () => {
    await app.put(`/o/${bucket}/kept.html`, 'x', 'Content-Type: text/x-mine');
    const again = await app.put(`/o/${bucket}/kept.html`, 'x');
    assert.deepEqual([again.status, told(again)], [200, 'text/x-mine']);
    assert.equal(app.store.resolve(bucket, 'kept.html')?.version, 1);
  });

  test(`${bucket}: one type in two spellings is the same`, async () => {
    const type = 'text/html;charset="utf-8";a=b';
    await app.put(`/o/${bucket}/spelt`, 'x', `Content-Type: ${type}`);
    const again = await app.put(`/o/${bucket}/spelt`, 'x', 'Content-Type: Text/HTML; A=b; charset=UTF-8');
    assert.deepEqual([again.status, told(again)], [200, type]);
    assert.equal(app.store.resolve(bucket, 'spelt')?.version, 1);
    assert.equal(field(await app.get(`/o/${bucket}/spelt`), 'X-Content-Type-Options'), 'nosniff');
  });
}

const texts: [string, string | Uint8Array, string][] = [
  ['ascii.txt', 'plain', 'text/plain; charset=utf-8'],
  ['umlaut.html', '<p>ä', 'text/html; charset=utf-8'],
  ['style.css', 'a{}', 'text/css; charset=utf-8'],
  ['code.js', 'let a', 'text/javascript; charset=utf-8'],
  ['in pieces.txt', 'aä€😀'.repeat(50_000), 'text/plain; charset=utf-8'],
  ['latin1.txt', Buffer.from('ä', 'latin1'), 'text/plain'],
  ['cut off.txt', Buffer.from('€').subarray(0, 2), 'text/plain'],
  ['utf16.txt', Buffer.from('plain', 'utf16le'), 'text/plain'],
  ['iso2022.txt', '\x1b$B4A;z\x1b(B', 'text/plain'],
  ['data.json', '{}', 'application/json'],
];
for (const [name, bytes, type] of texts) {
  test(`${name} is served as ${type}`, async () => {
    const made = await app.put(`/o/files/${encodeURIComponent(name)}`, bytes);
    assert.deepEqual([made.status, told(made)], [201, type]);
    assert.equal(await served(`/o/files/${encodeURIComponent(name)}`), type);
  });
}

test('a type that the client says is recorded as it was said', async () => {
  await app.put('/o/files/said.txt', 'plain', 'Content-Type: text/plain');
  assert.equal(await served('/o/files/said.txt'), 'text/plain');
});
