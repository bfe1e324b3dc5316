// Uploads that are not a whole plain file are refused before their body is received.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTestApp, problemName } from '../../support/app.ts';

const app = await openTestApp();
after(() => app.close());

const refused: [field: string, status: number, problem: string][] = [
  ['X-No: framing', 411, 'length-required'],
  ['x-amz-meta-owner: me', 400, 'field-refused'],
  ['X-Amz-Content-Sha256: UNSIGNED-PAYLOAD', 400, 'field-refused'],
  ['x-goog-meta-a: b', 400, 'field-refused'],
  ['x-ms-blob-type: BlockBlob', 400, 'field-refused'],
  ['x-meta-a: b', 400, 'field-refused'],
  ['Expires: 0', 400, 'field-refused'],
  ['Content-Location: /a', 400, 'field-refused'],
  ['Content-Range: bytes 0-1/4', 400, 'partial-put-refused'],
  ['Content-Encoding: compress', 415, 'coding-refused'],
  ['Content-Encoding: gzip, aws-chunked', 415, 'coding-refused'],
  ['Content-Encoding: constructor', 415, 'coding-refused'],
  ['Content-Encoding: \xa0identity', 400, 'fields-invalid'],
  ['Content-Disposition: attachment; filename="\xe9.txt"', 400, 'fields-invalid'],
  ['Content-Disposition: attachment; filename="a', 400, 'fields-invalid'],
  ['Content-Disposition: "a"', 400, 'fields-invalid'],
  ['Content-Language: de_AT', 400, 'fields-invalid'],
  ['Cache-Control: max-age', 400, 'fields-invalid'],
  ['Cache-Control: max-age=-1', 400, 'fields-invalid'],
  ['Cache-Control: max-age=1.5', 400, 'fields-invalid'],
  ['Cache-Control: only-if-cached', 400, 'fields-invalid'],
  ['Cache-Control: public; max-age=1', 400, 'fields-invalid'],
  ['Cache-Control: (a b)', 400, 'fields-invalid'],
  ['Sealgate-Meta-: a', 400, 'fields-invalid'],
  ['Sealgate-Meta-__proto__: a', 400, 'fields-invalid'],
  ['Sealgate-Meta-a: \xe9', 400, 'fields-invalid'],
  [`Sealgate-Meta-a: ${'a'.repeat(8192)}`, 400, 'fields-invalid'],
  [Array.from({ length: 65 }, (_, i) => `Sealgate-Meta-a${i}: b`).join('\r\n'), 400, 'fields-invalid'],
  ['Content-Type: text', 400, 'media-type-invalid'],
  ['Content-Type: text/html; charset', 400, 'media-type-invalid'],
  ['Content-Type: text/html, text/plain', 400, 'media-type-invalid'],
  [`Content-Type: a/b${' ;'.repeat(100)}@`, 400, 'media-type-invalid'],
  ['Content-Type: text/html; a="\xe9"', 400, 'media-type-invalid'],
  ['Content-Type:', 400, 'media-type-invalid'],
  ['Content-Type: */*', 400, 'media-type-invalid'],
  ['Content-Type: text/*; charset=utf-8', 400, 'media-type-invalid'],
  ['Content-Type: */html', 400, 'media-type-invalid'],
  ['Content-MD5: kAFQmDzST7DWlj99KOF/cg', 400, 'digest-invalid'],
  ['Content-MD5:', 400, 'digest-invalid'],
  ['X-Checksum-Sha1: a9993e364706816aba3e25717850c26c9cd0d89', 400, 'digest-invalid'],
  ['X-Checksum-Md5: 900150983cd24fb0d6963f7d28e17f7g', 400, 'digest-invalid'],
  ['X-Checksum-Sha384: abc', 400, 'field-refused'],
  ['X-Checksum-Constructor: abc', 400, 'field-refused'],
  ['OC-Checksum: SHA1:a9993e364706816aba3e25717850c26c9cd0d89d', 400, 'field-refused'],
  ['OC-Checksum: ADLER32:024d0127', 400, 'field-refused'],
  ['ETag: 900150983cd24fb0d6963f7d28e17f72', 400, 'field-refused'],
  ['X-Bz-Content-Sha1: a9993e364706816aba3e25717850c26c9cd0d89d', 400, 'field-refused'],
  ['X-Content-SHA256: abc', 400, 'field-refused'],
  ['X-Checksum-Deploy: true', 400, 'field-refused'],
  ['Digest: md5=kAFQmDzST7DWlj99KOF/cg', 400, 'digest-invalid'],
  ['Digest: unixsum=30637', 400, 'field-refused'],
  ['Digest: constructor=30637', 400, 'field-refused'],
  ['Digest: ', 400, 'field-refused'],
  ['Digest: sha-256', 400, 'field-refused'],
  ['Digest: sha-256=abc', 400, 'digest-invalid'],
  ['X-Checksum-Sha256: abc', 400, 'digest-invalid'],
  [`Content-Type: text/${'a'.repeat(600)}`, 400, 'media-type-invalid'],
];

for (const [line, status, problem] of refused) {
  test(`${line.slice(0, 50)} is refused with ${status}`, async () => {
    const framing = status === 411 ? [] : ['Content-Length: 2'];
    const answer = await app.response('PUT', '/o/files/refused', line, ...framing);
    assert.deepEqual([answer.status, problemName(answer)], [status, problem]);
  });
}

for (const value of ['identity', 'Identity', ' \tidentity ,\tIDENTITY', '']) {
  test(`Content-Encoding: ${value} says nothing and is taken`, async () => {
    const { status } = await app.put('/o/files/plain', 'x', `Content-Encoding: ${value}`);
    assert.ok(status === 200 || status === 201);
  });
}

test('a refused field is named, with what this is not', async () => {
  const refused = await app.response('PUT', '/o/files/s3', 'x-amz-acl: public-read', 'Content-Length: 1');
  assert.equal(JSON.parse(refused.body.toString()).detail, 'x-amz-acl: this is not S3.');
});

test('the media type of the upload wins over the name', async () => {
  const type = 'text/plain; charset="utf-8"';
  await app.put('/o/files/page.html', 'x', `Content-Type: ${type}`);
  assert.equal((await app.get('/o/files/page.html')).contentType, type);
});
