// /readyz reports 503 while the store is removed, renamed or unmounted, and 200 when it is back.

import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

async function ready(): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${server.control}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

for (const part of ['store', 'store/blobs', 'store/meta']) {
  test(`${part} missing: not ready; back: ready`, async () => {
    const path = join(site.dir, part);
    assert.equal((await ready()).status, 200);
    await rename(path, `${path}.away`);
    const { status, text } = await ready();
    assert.equal(status, 503);
    assert.match(text, /^store: .*\/store.* cannot be looked at \(ENOENT\)\n$/);
    assert.equal((await fetch(`${server.control}/healthz`)).status, 200);
    await rename(`${path}.away`, path);
    assert.equal((await ready()).status, 200);
  });
}
