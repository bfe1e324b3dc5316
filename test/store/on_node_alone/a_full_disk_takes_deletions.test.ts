// A server that has filled its disk, blocks allocated ahead included: after a restart, names can be deleted
// and their bytes collected until there is space again, and then uploads are stored.

import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from '../../../src/store/content_store.ts';
import { runCli } from '../../support/runtime.ts';
import { TestServer } from '../../support/server.ts';
import { mountImage, mountSmallDisk } from '../../support/small_disk.ts';
import { putBytes, temporaryFolder } from '../../support/store.ts';

const MiB = 1024 * 1024;
const large = Array.from({ length: 6 }, (_, i) => `large ${i}`);
const bytesOf = (name: string) => Buffer.alloc(4 * MiB, name);
const outside = await temporaryFolder();
after(() => rm(outside, { recursive: true }));

/** Takes what is left of the disk, to the last block. */
function fill(dir: string): void {
  const file = openSync(join(dir, 'ballast'), 'w');
  for (const size of [MiB, 4096]) {
    for (;;) {
      try {
        if (writeSync(file, Buffer.alloc(size)) < size) break;
      } catch {
        break;
      }
    }
  }
  closeSync(file);
}

/** Gives names to stored bytes until the server has no space for a further one. */
async function fillMetadata(server: TestServer, token: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const from = `/o/files/${encodeURIComponent(large[0] ?? '')}`;
  const copy = () => {
    const destination = `/o/files/${Math.random()}${'-long'.repeat(180)}`;
    const headers = { authorization: `Bearer ${token}`, destination };
    return new Promise<number>((resolve, reject) => {
      const asked = request(server.url + from, { method: 'COPY', agent, headers }, (response) =>
        response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      );
      asked.on('error', reject).end();
    });
  };
  for (let full = false; !full; ) {
    const statuses = await Promise.all(Array.from({ length: 256 }, copy));
    assert.deepEqual(
      [...new Set(statuses)].filter((status) => status !== 201 && status !== 507),
      [],
    );
    full = statuses.includes(507);
  }
  // One that comes by itself needs less than those that share a commit: a few may fit that others did not.
  const alone: number[] = [];
  do alone.push(await copy());
  while (alone.at(-1) === 201 && alone.length < 100);
  assert.equal(alone.at(-1), 507);
  agent.destroy();
}

for (const [kind, signal, mounted] of [
  ['tmpfs', 'SIGTERM', await mountSmallDisk(64)],
  ['ext4', 'SIGKILL', await mountImage(72)],
] as const) {
  const skip = typeof mounted === 'string' && mounted;
  const disk = typeof mounted === 'string' ? undefined : mounted;
  after(() => disk?.remove());

  test(`${kind}: filled, ended by ${signal}, freed by deletions and a collection, written again`, {
    skip,
  }, async () => {
    const site = join(disk?.dir ?? '', 'site');
    const [config, root] = [join(site, 'sealgate.json'), join(site, 'store')];
    await runCli('init', site);
    const settings = JSON.parse(await readFile(config, 'utf8'));
    const gc = { intervalSeconds: 0, graceSeconds: 0 };
    await writeFile(config, JSON.stringify({ ...settings, scrub: { periodDays: 0 }, gc }));
    const token = (await runCli('token', 'add', 'write:*', '--config', config)).trim();
    const store = await openStore({ root });
    for (const name of large) await putBytes(store, 'files', name, bytesOf(name));
    await store.close();
    const certificate = join(site, 'tls/certificate.pem');
    const place = { dir: outside, config, certificate, token, remove: async () => {} };
    const start = () => TestServer.start(place, '--workers', '1', '--listen', 'http://127.0.0.1:0');
    const before = await start();
    fill(disk?.dir ?? '');
    await fillMetadata(before, token);
    await before.stop(signal);

    const server = await start();
    const source = join(outside, 'source');
    await writeFile(source, bytesOf('new'));
    const auth = ['-H', `Authorization: Bearer ${token}`];
    try {
      assert.equal((await server.put('/o/files/new', source)).status, 507);
      for (const name of large.slice(1)) {
        const { status, body } = await server.curl(`/o/files/${encodeURI(name)}`, '-X', 'DELETE', ...auth);
        assert.equal(status, 204, body.toString());
      }
      assert.match(
        await runCli('gc', '--config', config),
        /^5 older versions and 5 blobs removed, 20.0 MiB\n$/,
      );
      assert.equal((await server.put('/o/files/new', source)).status, 201);
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });
}
