// A block of a blob changes on the disk, below a file system that finds it by its checksum: reading it fails.
// On the btrfs that on-file-system.sh makes.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { blockSize, damageBlock } from '../support/damaged_disk.ts';
import { createSite, TestServer } from '../support/server.ts';
import { blobPath, sha256 } from '../support/store.ts';

const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const root = join(site.dir, 'store');
const listeners = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, ...listeners, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const bytesOf = { plain: randomBytes(64 * blockSize), tls: randomBytes(64 * blockSize) };
const quarantined = () => readdir(join(root, 'quarantine')).catch(() => []);

async function put(name: keyof typeof bytesOf): Promise<number> {
  const content = join(site.dir, `content of ${name}`);
  await writeFile(content, bytesOf[name]);
  return (await server.put(`/o/files/${name}`, content)).status;
}

async function get(name: keyof typeof bytesOf): Promise<{ status: number; body: Buffer }> {
  if (name === 'tls') return server.curl('/o/files/tls');
  const answer = await fetch(`${server.urls[1]}/o/files/plain`);
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}

for (const name of ['plain', 'tls'] as const)
  test(`${name}: a byte changes on the disk: one answer ends early, the next are 503`, async () => {
    assert.equal(await put(name), 201);
    assert.deepEqual((await get(name)).body, bytesOf[name]);
    await damageBlock(bytesOf[name].subarray(40 * blockSize, 41 * blockSize));
    await assert.rejects(get(name), /transfer closed|terminated/);
    const { status, body } = await get(name);
    assert.equal(status, 503);
    assert.match(body.toString(), /store-read-failed/);
    assert.deepEqual(await quarantined(), []);
  });

test('the same bytes are put again: they replace the damaged file, which goes to quarantine', async () => {
  assert.equal(await put('plain'), 200);
  assert.deepEqual((await get('plain')).body, bytesOf.plain);
  const digest = sha256(bytesOf.plain);
  assert.equal((await quarantined()).filter((each) => each.startsWith(digest)).length, 1);
  assert.deepEqual(await readFile(blobPath(root, digest)), bytesOf.plain);
});
