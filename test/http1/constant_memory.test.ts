// Large files pass through in constant memory: what a worker takes over its idle state does not depend on
// their size.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { peakMemory, resetPeakMemory } from '../support/process.ts';
import { createSite, TestServer } from '../support/server.ts';

const MiB = 1024 * 1024;
const size = 512 * MiB;
const allowed = 64 * MiB;

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

/** Downloads by curl, hashing on the way. */
async function digestOf(path: string): Promise<{ size: number; digest: string }> {
  const child = spawn('curl', ['-sS', '--cacert', site.certificate, server.url + path]);
  const hash = createHash('sha256');
  let received = 0;
  child.stdout.on('data', (piece: Buffer) => {
    hash.update(piece);
    received += piece.length;
  });
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  return { size: received, digest: hash.digest('hex') };
}

/** Fills a file with a block over and over that begins nowhere at a page. Resolves with the digest. */
async function fill(path: string): Promise<string> {
  const block = randomBytes(MiB + 1);
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  for (let left = size; left > 0; left -= block.length) {
    const piece = block.subarray(0, left);
    hash.update(piece);
    await file.writeFile(piece);
  }
  await file.close();
  return hash.digest('hex');
}

test(`${size / MiB} MiB go up and come down by their digest`, async () => {
  const file = join(site.dir, 'file');
  const digest = await fill(file);
  // Everything that is loaded at the first use is there before memory is measured.
  await writeFile(join(site.dir, 'first'), 'first');
  await server.put('/o/files/first', join(site.dir, 'first'));
  await server.curl('/o/files/first');

  const idle = await resetPeakMemory(server.pid);
  const made = await server.put('/o/files/large', file);
  assert.equal(made.status, 201);
  assert.equal(JSON.parse(made.body.toString()).digest, digest);
  const received = await peakMemory(server.pid);
  assert.ok(received - idle < allowed, `${received - idle} bytes over idle to receive`);

  assert.deepEqual(await digestOf('/o/files/large'), { size, digest });
  const sent = await peakMemory(server.pid);
  assert.ok(sent - idle < allowed, `${sent - idle} bytes over idle to receive and send`);
});
