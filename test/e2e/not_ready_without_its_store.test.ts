// /readyz reports 503 while the store is removed, renamed or unmounted, and 200 when it is back.

import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Diagnosis } from '../../src/control/views.ts';
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

async function diagnosed(): Promise<string | undefined> {
  const { symptoms } = (await (await fetch(`${server.control}/diagnosis`)).json()) as Diagnosis;
  return symptoms.find(({ name }) => name === 'not-ready')?.seen;
}

for (const part of ['store', 'store/blobs', 'store/meta']) {
  test(`${part} missing: not ready, and diagnosed; back: ready`, async () => {
    const path = join(site.dir, part);
    assert.equal((await ready()).status, 200);
    await rename(path, `${path}.away`);
    const { status, text } = await ready();
    assert.equal(status, 503);
    assert.match(text, /^store: .*\/store.* cannot be looked at \(ENOENT\)\n$/);
    assert.equal((await fetch(`${server.control}/healthz`)).status, 200);
    assert.equal(await diagnosed(), text.trimEnd());
    await rename(`${path}.away`, path);
    assert.equal(await diagnosed(), undefined);
    assert.equal((await ready()).status, 200);
  });
}
