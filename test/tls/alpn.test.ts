// ALPN (RFC 7301): http/1.1 is chosen if the client offers it and not h2 (test/http2/negotiation.test.ts);
// other offers get no_application_protocol.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { exchange } from './support.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const ask = (...args: string[]) => exchange(server.url, site, last, ...args);

for (const version of ['-tls1_2', '-tls1_3']) {
  for (const offer of ['http/1.1', 'h3,http/1.1', 'http/1.1,h3', 'spdy/3,http/1.0,http/1.1']) {
    test(`${version} ${offer}: http/1.1`, async () => {
      const { status, stdout } = await ask(version, '-alpn', offer);
      assert.equal(status, 0);
      assert.match(stdout, /ALPN protocol: http\/1\.1\n/);
      assert.match(stdout, /HTTP\/1\.1 200 OK/);
    });
  }

  for (const offer of ['h3', 'h2c', 'http/1.0', 'http/1.1x']) {
    test(`${version} ${offer}: no_application_protocol`, async () => {
      const { status, stdout, stderr } = await ask(version, '-alpn', offer);
      assert.notEqual(status, 0);
      assert.match(stderr, /alert no application protocol/);
      assert.doesNotMatch(stdout, /HTTP\/1\.1 200/);
    });
  }

  test(`${version} a client without ALPN gets HTTP/1.1`, async () => {
    const { stdout } = await ask(version);
    assert.match(stdout, /No ALPN negotiated/);
    assert.match(stdout, /HTTP\/1\.1 200 OK/);
  });
}
