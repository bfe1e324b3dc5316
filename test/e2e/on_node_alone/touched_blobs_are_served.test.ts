// A blob whose inode differs from its record, as after restoring a backup, is hashed once: if its digest is
// right it is served from then on, otherwise it is refused and goes into quarantine.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, copyFile, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';
import { blobPath } from '../../support/store.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const touch = (blob: string) => utimes(blob, 1, 1);
async function restore(blob: string): Promise<void> {
  await copyFile(blob, `${blob}.copy`);
  await chmod(`${blob}.copy`, 0o600);
  await rename(`${blob}.copy`, blob);
}
async function change(blob: string): Promise<void> {
  await chmod(blob, 0o644);
  await writeFile(blob, '!', { flag: 'r+' });
}

/** A small and a large object, because sizes take different delivery paths. */
const sizes = [1000, 200_000];

async function put(name: string, bytes: Buffer): Promise<string> {
  const file = join(site.dir, 'file');
  await writeFile(file, bytes);
  assert.equal((await server.put(`/o/files/${name}`, file)).status, 201);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return blobPath(join(site.dir, 'store'), digest);
}

for (const [what, harm] of Object.entries({ touched: touch, restored: restore })) {
  for (const size of sizes) {
    for (const kept of [false, true]) {
      test(`${size} bytes, ${what} ${kept ? 'while a plan was kept' : 'before anybody asked'}`, async () => {
        const name = `${what}-${size}-${kept}`;
        const bytes = Buffer.alloc(size, name);
        const blob = await put(name, bytes);
        const get = () => server.curl(`/o/files/${name}`);
        if (kept) assert.equal((await get()).status, 200);
        await harm(blob);
        const answers = await Promise.all(Array.from({ length: 8 }, get));
        for (const { status, body } of answers) {
          assert.equal(status, 200);
          assert.ok(body.equals(bytes));
        }
      });
    }
  }
}

const harms = [
  { what: 'changed', harm: change, refused: 500, title: 'seal-broken' },
  { what: 'removed', harm: (blob: string) => rm(blob), refused: 503, title: 'store-read-failed' },
];
for (const { what, harm, refused, title } of harms) {
  for (const size of sizes) {
    test(`${size} bytes, ${what} before anybody asked`, async () => {
      const name = `${what}-${size}`;
      const blob = await put(name, Buffer.alloc(size, name));
      await harm(blob);
      for (const path of [`/o/files/${name}`, `/sha256/${basename(blob)}`].flatMap((each) => [each, each])) {
        const { status, headers, body } = await server.curl(path);
        assert.equal(status, refused);
        assert.equal(headers.get('content-type'), 'application/problem+json');
        assert.equal(JSON.parse(body.toString()).title, title);
      }
    });
  }
}

test('changed files are kept in quarantine', async () => {
  assert.equal((await readdir(join(site.dir, 'store/quarantine'))).length, sizes.length);
});

test('firstRead hash: objects are served, by name and by digest', async () => {
  const other = await createSite();
  const settings = JSON.parse(await readFile(other.config, 'utf8'));
  await writeFile(
    other.config,
    JSON.stringify({ ...settings, seal: { buckets: { files: { firstRead: 'hash' } } } }),
  );
  const careful = await TestServer.start(other, '--workers', '1');
  try {
    const file = join(other.dir, 'object');
    await writeFile(file, 'read before it is served');
    await careful.put('/o/files/object', file);
    const digest = createHash('sha256').update('read before it is served').digest('hex');
    for (const path of ['/o/files/object', `/sha256/${digest}`]) {
      const { status, body } = await careful.curl(path);
      assert.equal(status, 200);
      assert.equal(body.toString(), 'read before it is served');
    }
  } finally {
    await careful.stop();
    await other.remove();
  }
});
