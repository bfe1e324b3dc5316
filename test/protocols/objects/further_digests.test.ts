// Digests besides SHA-256: what a client promises in them is checked, what was computed is recorded and told,
// and a bucket may want some of every upload.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deliver } from '../../../src/engine/plan.ts';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

type Encoding = 'base64' | 'hex';
const hashed = (name: string, body: string, as: Encoding) => createHash(name).update(body).digest(as);
const md5 = (body: string) => hashed('md5', body, 'base64');
const digestsOf = (name: string, bucket = 'files') => {
  const ref = app.store.resolve(bucket, name);
  return ref?.deleted === false ? ref.digests : undefined;
};

const promises: [field: (body: string) => string, name: string, hex: string][] = [
  [(body) => `Content-MD5: ${md5(body)}`, 'md5', hashed('md5', 'abc', 'hex')],
  [(body) => `Content-Digest: md5=:${md5(body)}:`, 'md5', hashed('md5', 'abc', 'hex')],
  [
    (body) => `Content-Digest: sha-512=:${hashed('sha512', body, 'base64')}:`,
    'sha512',
    hashed('sha512', 'abc', 'hex'),
  ],
  [(body) => `Repr-Digest: sha=:${hashed('sha1', body, 'base64')}:`, 'sha1', hashed('sha1', 'abc', 'hex')],
  // The CRC of abc as published with S3's own examples, and another one.
  [(body) => `Repr-Digest: crc32c=:${body === 'abc' ? 'Nks/tw==' : 'AAAAAA=='}:`, 'crc32c', '364b3fb7'],
  [(body) => `Digest: MD5=${md5(body)}`, 'md5', hashed('md5', 'abc', 'hex')],
  [(body) => `Digest: sha=${hashed('sha1', body, 'base64')}`, 'sha1', hashed('sha1', 'abc', 'hex')],
  [
    (body) => `X-Checksum-Md5: ${hashed('md5', body, 'hex').toUpperCase()}`,
    'md5',
    hashed('md5', 'abc', 'hex'),
  ],
  [(body) => `X-Checksum-Sha1: ${hashed('sha1', body, 'hex')}`, 'sha1', hashed('sha1', 'abc', 'hex')],
];

for (const [at, [field, name, hex]] of promises.entries()) {
  test(`${field('abc').slice(0, 30)}: other bytes are 422, these are stored with it`, async () => {
    const path = `promised-${at}`;
    const refused = await app.put(`/o/files/${path}`, `abd${at}`, field('abc'));
    assert.deepEqual([refused.status, problemName(refused)], [422, 'digest-mismatch']);
    assert.equal(app.store.resolve('files', path), undefined);
    assert.equal(app.store.blob(hashed('sha256', `abd${at}`, 'hex')), undefined);
    assert.deepEqual(readdirSync(join(app.store.root, 'staging')), []);
    const stored = await app.put(`/o/files/${path}`, 'abc', field('abc'));
    assert.equal(stored.status, 201);
    assert.deepEqual(JSON.parse(stored.body.toString()).digests, { [name]: hex });
    assert.deepEqual(digestsOf(path), { [name]: hex });
  });
}

test('two fields that promise different MD5: 400', async () => {
  const fields = [`Content-MD5: ${md5('a')}`, `Content-Digest: md5=:${md5('b')}:`];
  const refused = await app.response('PUT', '/o/files/two', 'Content-Length: 1', ...fields);
  assert.deepEqual([refused.status, problemName(refused)], [400, 'digest-invalid']);
});

test('bytes without a name: a promise of MD5 is checked as well', async () => {
  const path = `/sha256/${hashed('sha256', 'nameless', 'hex')}`;
  const refused = await app.put(path, 'nameless', `Content-MD5: ${md5('other')}`);
  assert.deepEqual([refused.status, problemName(refused)], [422, 'digest-mismatch']);
  assert.equal((await app.put(path, 'nameless', `Content-MD5: ${md5('nameless')}`)).status, 201);
});

test('an upload without promises, in a bucket that wants no digests: none is recorded or told', async () => {
  await app.put('/o/files/plain', 'plain');
  assert.equal(digestsOf('plain'), undefined);
  assert.equal((await app.get('/o/files/plain')).reprDigest, undefined);
});

test('a bucket that wants MD5 and CRC32: on record of every upload, told where HTTP has a name', async () => {
  await app.objects.setBucket('live', { digests: ['md5', 'crc32'] });
  // The bytes of which the check value of every CRC is published.
  const body = '123456789';
  await app.put('/o/live/a', body, `X-Checksum-Sha1: ${hashed('sha1', body, 'hex')}`);
  assert.deepEqual(digestsOf('a', 'live'), {
    md5: hashed('md5', body, 'hex'),
    sha1: hashed('sha1', body, 'hex'),
    crc32: 'cbf43926',
  });
  const sha256 = `sha-256=:${hashed('sha256', body, 'base64')}:`;
  assert.equal(
    (await app.get('/o/live/a')).reprDigest,
    `${sha256}, md5=:${md5(body)}:, sha=:${hashed('sha1', body, 'base64')}:`,
  );
  const listing = JSON.parse((await app.response('GET', '/o/live/')).body.toString());
  assert.deepEqual(listing.entries[0].digests, digestsOf('a', 'live'));
  const versions = JSON.parse((await app.response('GET', '/o/live/?versions')).body.toString());
  assert.deepEqual(versions.versions[0].digests, digestsOf('a', 'live'));
});

test('the same bytes again with a digest that was not known: one further version has it', async () => {
  const put = async (...fields: string[]) =>
    JSON.parse((await app.put('/o/files/later', 'later', ...fields)).body.toString()).outcome;
  assert.equal(await put(`Content-MD5: ${md5('later')}`), 'created');
  assert.equal(await put(), 'same');
  const sha1 = `X-Checksum-Sha1: ${hashed('sha1', 'later', 'hex')}`;
  assert.equal(await put(sha1), 'renewed');
  assert.equal(await put(sha1), 'same');
  assert.deepEqual(digestsOf('later'), {
    md5: hashed('md5', 'later', 'hex'),
    sha1: hashed('sha1', 'later', 'hex'),
  });
});

test('copies, a restored version and a switch to the same bytes keep their digests', async () => {
  await app.put('/o/live/source', 'copied', `Content-MD5: ${md5('copied')}`);
  await app.response('COPY', '/o/live/source', 'Destination: /o/files/copy');
  const all = digestsOf('source', 'live');
  assert.equal(all?.md5, hashed('md5', 'copied', 'hex'));
  assert.deepEqual(digestsOf('copy'), all);
  await app.put('/o/live/source', 'other');
  await app.response('COPY', '/o/live/source?version=1', 'Destination: /o/live/source');
  assert.deepEqual(digestsOf('source', 'live'), all);
  const digest = hashed('sha256', 'copied', 'hex');
  await app.objects.switchNames('live', [{ name: 'source', to: { digest, mediaType: 'text/x' } }], undefined);
  assert.deepEqual(digestsOf('source', 'live'), all);
});

test('an answer in a content coding does not tell the digests of the bytes as they are stored', async () => {
  await app.put('/o/files/coded', 'coded', `Content-MD5: ${md5('coded')}`);
  const { blob, ref } = await app.objects.get({ bucket: 'files', name: 'coded' });
  const how = {
    contentType: 'text/plain',
    freshness: 'revalidate',
    grant: '',
    digests: ref.digests,
  } as const;
  const told = { ...how, created: undefined, cache: undefined };
  assert.match(deliver(await blob, told).reprDigest ?? '', /, md5=:/);
  assert.equal(deliver(await blob, { ...told, coding: 'br' }).reprDigest, undefined);
});

test('a setting of none: digests are computed no longer, and those on record stay', async () => {
  await app.objects.setBucket('live', { digests: ['sha512'] });
  await app.put('/o/live/before', 'before');
  await app.objects.setBucket('live', { digests: 'none' });
  assert.equal(app.store.bucket('live')?.digests, undefined);
  await app.put('/o/live/afterwards', 'afterwards');
  assert.deepEqual(digestsOf('before', 'live'), { sha512: hashed('sha512', 'before', 'hex') });
  assert.equal(digestsOf('afterwards', 'live'), undefined);
});
