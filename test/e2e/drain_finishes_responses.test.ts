// SIGTERM: the current response is finished, new connections are refused, and the process exits with 0.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());

test('SIGTERM during a download: the download completes', async () => {
  const server = await TestServer.start(site, '--workers', '2');
  const file = join(site.dir, 'large');
  const size = 48 * 1024 * 1024;
  await writeFile(file, Buffer.alloc(size, 'x'));
  await server.put('/o/files/large', file);

  const download = spawn('curl', ['-sS', '--cacert', site.certificate, `${server.url}/o/files/large`]);
  let received = 0;
  // The full pipe stops the client until the server has got the signal.
  const [head] = await once(download.stdout, 'data');
  received += head.length;
  download.stdout.pause();
  const stopped = server.stop();
  download.stdout.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  download.stdout.resume();
  const [status] = await once(download, 'close');
  assert.deepEqual([status, received], [0, size]);
  assert.equal(await stopped, 0);
  await assert.rejects(server.curl('/o/files/large'), /curl .* ended with 7/);
});
