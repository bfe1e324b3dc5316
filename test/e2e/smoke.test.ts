// The whole path under the runtime that runs this test: init, import, serve with two workers, GET, PUT,
// restart, GET.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());

const page = Buffer.from('<!doctype html><title>sealed</title>\n');
const film = Buffer.alloc(3 * 1024 * 1024 + 1, 'frame ');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

function assertDelivered(response: Response, bytes: Buffer): void {
  assert.equal(response.status, 200);
  assert.ok(response.body.equals(bytes));
  assert.equal(response.headers.get('etag'), `"${sha256(bytes).toString('hex')}"`);
  assert.equal(response.headers.get('repr-digest'), `sha-256=:${sha256(bytes).toString('base64')}:`);
  assert.equal(response.headers.get('content-length'), String(bytes.length));
}

test('files are imported, delivered, uploaded, and there again after a restart', async () => {
  const tree = join(site.dir, 'tree');
  await mkdir(join(tree, 'video'), { recursive: true });
  await writeFile(join(tree, 'index.html'), page);
  await writeFile(join(tree, 'video', 'film.mp4'), film);
  await runCli('import', tree, '--bucket', 'files', '--config', site.config);

  const first = await TestServer.start(site, '--workers', '2');
  try {
    const index = await first.curl('/o/files/index.html');
    assertDelivered(index, page);
    assert.equal(index.headers.get('content-type'), 'text/html; charset=utf-8');
    assertDelivered(await first.curl('/o/files/video/film.mp4'), film);
    const made = await first.put('/o/files/up/film.mp4', join(tree, 'video', 'film.mp4'));
    assert.deepEqual([made.status, made.headers.get('location')], [201, '/o/files/up/film.mp4']);
    assertDelivered(await first.curl('/o/files/up/film.mp4'), film);
  } finally {
    assert.equal(await first.stop(), 0);
  }

  const second = await TestServer.start(site, '--workers', '2');
  try {
    assertDelivered(await second.curl('/o/files/up/film.mp4'), film);
    assertDelivered(await second.curl(`/sha256/${sha256(page).toString('hex')}`), page);
  } finally {
    assert.equal(await second.stop(), 0);
  }
});
