// Session tickets: a client that comes back resumes, whichever worker it meets. The key of the tickets lives
// as long as the server, so after a restart it makes a full handshake again.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { exchange } from './support.ts';

const site = await createSite();
let server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const ask = (...args: string[]) => exchange(server.url, site, last, ...args);
const resumed = () => server.metric('sealgate_tls_handshakes_resumed_total');
const saved = (version: string) => join(site.dir, `session${version}`);
const versions = ['-tls1_2', '-tls1_3'];
// The kernel spreads connections over the workers by their ports: all of so many on one is as good as never.
const visits = 16;

for (const version of versions) {
  test(`${version} a saved session is resumed, on either worker`, async () => {
    const before = await resumed();
    const { stdout } = await ask(version, '-sess_out', saved(version));
    assert.match(stdout, /\nNew, TLSv1\.[23], Cipher is /);
    for (let visit = 0; visit < visits; visit++) {
      const again = await ask(version, '-sess_in', saved(version));
      assert.match(again.stdout, /\nReused, TLSv1\.[23], Cipher is /);
      assert.match(again.stdout, /HTTP\/1\.1 200 OK/);
    }
    assert.equal(await resumed(), before + visits);
  });
}

test('after a restart the handshake is a full one', async () => {
  await server.stop();
  server = await TestServer.start(site, '--workers', '2');
  for (const version of versions) {
    const { stdout } = await ask(version, '-sess_in', saved(version));
    assert.match(stdout, /\nNew, TLSv1\.[23], Cipher is /);
    assert.match(stdout, /HTTP\/1\.1 200 OK/);
  }
  assert.equal(await resumed(), 0);
});
