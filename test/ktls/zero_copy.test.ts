// TLS_TX_ZEROCOPY_RO lets a network device read a file's pages after sendfile has returned. So it is set for
// files alone that the kernel keeps from changing, and on such a connection no other file leaves by sendfile.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { outcome } from '../support/runtime.ts';
import { reachedLevel, removeSealed } from '../support/sealed.ts';
import type { Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { startServer } from './support.ts';

const size = 200_000;
let site: Site;
let server: TestServer;

before(async () => {
  const settings = {
    buckets: { held: 'write-once', plain: 'write-once' },
    seal: { buckets: { held: { level: 'L2' } } },
    log: { access: './access.log' },
  };
  ({ site, server } = await startServer('ktls-tx', { zeroCopy: 'always' }, settings));
  const file = join(site.dir, 'file');
  for (const bucket of ['held', 'plain']) {
    await writeFile(file, `${bucket} `.repeat(size).slice(0, size));
    assert.equal((await server.put(`/o/${bucket}/a`, file)).status, 201);
  }
});
after(async () => {
  await server.stop();
  await removeSealed(site.dir);
});

/** How each path left, asked for one after another on one connection: HTTP/2 leaves pages to no device. */
async function deliveries(name: string, paths: string[]): Promise<unknown[]> {
  const targets = paths.map((path, index) => `${path}?${name}-${index}`);
  const each = targets.flatMap((target) => ['-o', '/dev/null', server.url + target]);
  const options = ['-sS', '--http1.1', '--cacert', site.certificate];
  const { status, stderr } = await outcome(spawn('curl', [...options, ...each]));
  assert.equal(status, 0, stderr);
  const lines = async () =>
    (await readFile(join(site.dir, 'access.log'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes(`?${name}-`))
      .map((line) => JSON.parse(line));
  const found = await until(lines, ({ length }) => length === paths.length, `lines of ${name}`);
  return found.map(({ delivery }) => delivery);
}

const spared = () => server.metric('sealgate_ktls_zero_copy_bytes_total');

test('blobs of level L1 alone: sendfile, and no device reads their pages later', async () => {
  assert.deepEqual(await deliveries('plain', ['/o/plain/a', '/o/plain/a']), [
    'ktls-sendfile',
    'ktls-sendfile',
  ]);
  assert.equal(await spared(), 0);
  assert.equal(await server.metric('sealgate_ktls_zero_copy_connections_total'), 0);
});

test('a blob of level L2, one of L1, one of L2: the one between is copied', async () => {
  const held = reachedLevel(site.dir) === 'L2';
  const found = await deliveries('mixed', ['/o/held/a', '/o/plain/a', '/o/held/a']);
  const between = held ? 'ktls-send' : 'ktls-sendfile';
  assert.deepEqual(found, ['ktls-sendfile', between, 'ktls-sendfile']);
  assert.equal(await server.metric('sealgate_ktls_zero_copy_connections_total'), held ? 1 : 0);
  const bytes = await spared();
  assert.equal(bytes, held ? 2 * size : 0);
});
