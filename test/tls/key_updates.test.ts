// KeyUpdate in userspace TLS (RFC 8446 section 4.6.3): the client updates its key, or also asks the server
// to, between requests and during a response, and every byte arrives.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { converse } from './support.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1', '--ktls', 'off');
after(async () => {
  await server.stop();
  await site.remove();
});

const updates = () => server.metric('sealgate_tls_key_updates_received_total');

/** Commands of s_client. `k`: update only the client's key. `K`: also ask the server to update its key. */
for (const command of ['k', 'K']) {
  test(`s_client command '${command}' before, between and after requests: all responses arrive`, async () => {
    const before = await updates();
    const session = converse(server.url, site, '-tls1_3', '-crlf');
    const rounds = 5;
    for (let round = 1; round <= rounds; round++) {
      session.type(command);
      await session.shows(/KEYUPDATE/, round);
      session.type('GET / HTTP/1.1');
      session.type('Host: localhost');
      session.type('');
      await session.shows(/HTTP\/1\.1 200 OK/, round);
    }
    assert.equal(await updates(), before + rounds);
    session.type('Q');
    assert.equal((await session.ended()).status, 0);
  });
}
