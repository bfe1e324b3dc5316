// A store on a file system that keeps all in memory, which has no reads that do not wait (RWF_NOWAIT).

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountSmallDisk } from '../../support/small_disk.ts';
import { startMirrors, startUpstream } from '../../support/upstream.ts';

test('what arrives in a store on tmpfs is read meanwhile', async (t) => {
  const disk = await mountSmallDisk(160);
  if (typeof disk === 'string') return t.skip(disk);
  t.after(() => disk.remove());
  const upstream = await startUpstream((_, response) => response.end(Buffer.alloc(8 * 2 ** 20, 'x')));
  t.after(() => upstream.close());
  const sites = [{ path: '/m/', upstreams: ['origin'] }];
  const store = { store: join(disk.dir, 'store') };
  const mirrored = await startMirrors({ origin: { url: upstream.url } }, sites, {}, store);
  t.after(() => mirrored.stop());
  for (const how of ['--http1.1', '--http2']) {
    const { status, body } = await mirrored.server.curl(`/m/${how}`, how);
    assert.deepEqual([status, body.equals(Buffer.alloc(8 * 2 ** 20, 'x'))], [200, true], how);
  }
});
