// Session tickets: a returning client resumes its session on any worker. Ticket keys are kept in memory, so
// after a restart a full handshake follows.

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
// The kernel spreads connections over workers by port; 16 connections practically never all reach one worker.
const visits = 16;

for (const version of versions) {
  test(`${version} a saved session is resumed on either worker`, async () => {
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

test('after a server restart a saved session is not resumed', async () => {
  await server.stop();
  server = await TestServer.start(site, '--workers', '2');
  for (const version of versions) {
    const { stdout } = await ask(version, '-sess_in', saved(version));
    assert.match(stdout, /\nNew, TLSv1\.[23], Cipher is /);
    assert.match(stdout, /HTTP\/1\.1 200 OK/);
  }
  assert.equal(await resumed(), 0);
});
