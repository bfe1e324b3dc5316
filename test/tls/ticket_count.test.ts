// tls.tickets is the number of session tickets after a TLS 1.3 handshake; with 0 no session is resumed.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { exchange } from './support.ts';

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

for (const tickets of [0, 1, 3]) {
  test(`tls.tickets ${tickets}: ${tickets} tickets are sent`, async () => {
    const site = await createSite({ tls: { tickets } });
    const server = await TestServer.start(site, '--workers', '1');
    try {
      const { stdout } = await exchange(server.url, site, last, '-tls1_3', '-msg');
      assert.equal([...stdout.matchAll(/<<< TLS 1\.3, Handshake .*, NewSessionTicket/g)].length, tickets);
      const saved = join(site.dir, 'session');
      await exchange(server.url, site, last, '-tls1_2', '-sess_out', saved);
      assert.equal(existsSync(saved), tickets > 0, 'a session to come back with');
    } finally {
      await server.stop();
      await site.remove();
    }
  });
}
