// While a restored blob is being hashed, responses that need none of its bytes come at once from its record:
// HEAD, 304, 412 and 416. Requests for its bytes get 503 with Retry-After.

import assert from 'node:assert/strict';
import { open, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';
import { blobPath } from '../../support/store.ts';
import { request, Wire } from '../../support/wire.ts';

// Holes all through, so that they take the time to hash and none to write. Large ones are hashed one after
// another: the second waits for as long as the first takes.
const first = {
  size: 2 ** 30,
  digest: '49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14',
};
const second = {
  size: 2 ** 26,
  digest: '3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351',
};

const site = await createSite();
const root = join(site.dir, 'store');
const store = await openStore({ root });
for (const { size, digest } of [first, second]) {
  const staging = store.stagingPath();
  const file = await open(staging, 'wx');
  await file.truncate(size);
  await file.sync();
  await file.close();
  await store.commitBlob(staging, { digest, size });
}
await store.putRef('files', 'second', { digest: second.digest, mediaType: 'video/mp4' });
await store.close();
// As after restoring a backup: the same bytes with another change time.
for (const { digest } of [first, second]) await utimes(blobPath(root, digest), 1, 1);

const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

/** Sends one request on its own connection. */
async function ask(method: string, target: string, ...fields: string[]): Promise<Response> {
  const wire = await Wire.open(server.url);
  wire.send(request(method, target, ...fields));
  return wire.response(method).finally(() => wire.close());
}

test('HEAD, 304, 412 and 416 while the file is hashed; 503 with Retry-After for its bytes', async () => {
  let proved = false;
  const bytes = ask('GET', `/sha256/${first.digest}`, 'Range: bytes=0-0').finally(() => {
    proved = true;
  });
  const etag = `"${second.digest}"`;
  // An If-None-Match that holds the digest and does not match.
  const other = `If-None-Match: "x${second.digest}"`;
  const [head, notModified, failed, beyond, refused] = await Promise.all([
    ask('HEAD', '/o/files/second'),
    ask('GET', '/o/files/second', `If-None-Match: ${etag}`),
    ask('HEAD', '/o/files/second', 'If-Match: "other"'),
    ask('GET', '/o/files/second', other, `Range: bytes=${second.size}-`),
    ask('GET', '/o/files/second', other),
  ]);
  assert.equal(proved, false);

  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), String(second.size));
  assert.equal(head.headers.get('content-type'), 'video/mp4');
  assert.equal(head.headers.get('etag'), etag);
  assert.ok(head.headers.get('repr-digest'));
  assert.equal(notModified.status, 304);
  assert.equal(notModified.headers.get('etag'), etag);
  assert.equal(failed.status, 412);
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get('content-range'), `bytes */${second.size}`);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  assert.equal(JSON.parse(refused.body.toString()).title, 'proof-under-way');

  const { status } = await bytes;
  assert.ok(status === 206 || status === 503, String(status));
});
