// Content-Digest and Repr-Digest (RFC 9530): what a client promises is checked before anything is stored.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());
const member = (body: string) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

test('a body with the promised digest: stored', async () => {
  assert.equal((await app.put('/o/files/kept', 'abc', `Content-Digest: ${member('abc')}`)).status, 201);
  const both = await app.put(
    '/o/files/both',
    'abc',
    `Repr-Digest: ${member('abc')}`,
    `Content-Digest: ${member('abc')}`,
  );
  assert.equal(both.status, 201);
});

test('a promise that is broken is 422 and stores nothing', async () => {
  for (const name of ['Content-Digest', 'Repr-Digest']) {
    const refused = await app.put('/o/files/broken', 'abd', `${name}: ${member('abc')}`);
    assert.deepEqual([refused.status, problemName(refused)], [422, 'digest-mismatch']);
  }
  assert.equal(app.store.resolve('files', 'broken'), undefined);
  assert.equal(app.store.blob(createHash('sha256').update('abd').digest('hex')), undefined);
  assert.deepEqual(readdirSync(join(app.store.root, 'staging')), []);
});

test('algorithms that are not known are ignored', async () => {
  const fields = ['Content-Digest: id-sha-512=:AAAA:, unixsum=:AAAA:', 'Repr-Digest: adler=:AAAA:'];
  assert.equal((await app.put('/o/files/unknown', 'abc', ...fields)).status, 201);
  const mixed = await app.put('/o/files/mixed', 'abd', `Content-Digest: adler=:AAAA:, ${member('abc')}`);
  assert.equal(mixed.status, 422);
});

test('the members of several lines are one dictionary', async () => {
  const refused = await app.put(
    '/o/files/lines',
    'abd',
    'Content-Digest: adler=:AAAA:',
    `Content-Digest: ${member('abc')}`,
  );
  assert.equal(refused.status, 422);
});

const malformed = [
  'sha-256=abc',
  'sha-256=:AAAA:',
  'sha-256="abc"',
  'sha-256',
  'sha-256=:not base64:',
  '=:AAAA:',
  'SHA-256=:AAAA:',
  `${member('abc')},`,
  'md5=:AAAA:',
  'sha-512=:AAAA:',
  'sha=abc',
  'crc32c=:AAAAAAA=:',
];
for (const value of malformed) {
  test(`${value} is refused with 400`, async () => {
    const refused = await app.response('PUT', '/o/files/m', 'Content-Length: 3', `Content-Digest: ${value}`);
    assert.deepEqual([refused.status, problemName(refused)], [400, 'digest-invalid']);
  });
}

test('two promises that exclude each other are refused with 400', async () => {
  const fields = [`Content-Digest: ${member('a')}`, `Repr-Digest: ${member('b')}`];
  const refused = await app.response('PUT', '/o/files/m', 'Content-Length: 1', ...fields);
  assert.deepEqual([refused.status, problemName(refused)], [400, 'digest-invalid']);
});

const hashed = (body: string, as: 'base64' | 'hex') => createHash('sha256').update(body).digest(as);
for (const field of [
  `Digest: SHA-256=${hashed('abc', 'base64')}`,
  `Digest: sha-256=${hashed('abc', 'base64')},sha-256=${hashed('abc', 'base64')}`,
  `X-Checksum-Sha256: ${hashed('abc', 'hex').toUpperCase()}`,
]) {
  test(`${field.slice(0, 30)} is checked: other bytes are 422, these are stored`, async () => {
    const name = `older-${field.length}`;
    const refused = await app.put(`/o/files/${name}`, 'abd', field);
    assert.deepEqual([refused.status, problemName(refused)], [422, 'digest-mismatch']);
    assert.equal((await app.put(`/o/files/${name}`, 'abc', field)).status, 201);
  });
}

test('an older field and Content-Digest that promise different bytes are refused with 400', async () => {
  const fields = [`Content-Digest: ${member('a')}`, `X-Checksum-Sha256: ${hashed('b', 'hex')}`];
  const refused = await app.response('PUT', '/o/files/m', 'Content-Length: 1', ...fields);
  assert.deepEqual([refused.status, problemName(refused)], [400, 'digest-invalid']);
});
