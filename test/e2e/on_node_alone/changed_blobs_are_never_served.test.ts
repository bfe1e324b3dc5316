// A blob that was changed behind the server's back gets 500 and goes into quarantine; uploading the same
// bytes repairs it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { blobPath } from '../../support/store.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

test('a blob truncated while its plan is kept: 500, and repaired by an upload', async () => {
  const bytes = Buffer.alloc(1024 * 1024, 'sealed ');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const file = join(site.dir, 'file');
  await writeFile(file, bytes);
  await server.put('/o/files/file', file);
  for (let i = 0; i < 8; i++) assert.equal((await server.curl('/o/files/file')).status, 200);

  const withdrawn = () => server.metric('sealgate_blobs_withdrawn_total{reason="other-digest"}');
  // A rate needs the zero before the first.
  const before = await (await fetch(`${server.control}/metrics`)).text();
  assert.match(before, /^sealgate_blobs_withdrawn_total\{reason="other-digest"\} 0$/m);
  const blob = blobPath(join(site.dir, 'store'), digest);
  await chmod(blob, 0o644);
  await truncate(blob, 1000);
  for (let i = 0; i < 8; i++) assert.equal((await server.curl('/o/files/file')).status, 500);
  assert.equal(await withdrawn(), 1);
  // Only a way that sends wrong bytes makes the server not ready: all other blobs are as good as before.
  assert.equal((await fetch(`${server.control}/readyz`)).status, 200);

  const healed = await server.put('/o/files/file', file);
  assert.equal(healed.status, 200);
  for (let i = 0; i < 8; i++) assert.ok((await server.curl('/o/files/file')).body.equals(bytes));
});
