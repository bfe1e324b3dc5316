// The configured TLS policy is enforced: lowest version, TLS 1.2 ciphers and TLS 1.3 cipher suites.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { exchange } from './support.ts';

const files = { certificate: './tls/certificate.pem', key: './tls/key.pem' };
const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

async function served(tls: Record<string, string>) {
  const site = await createSite({ tls: { ...files, ...tls } });
  const server = await TestServer.start(site, '--workers', '1');
  after(async () => {
    await server.stop();
    await site.remove();
  });
  return (...args: string[]) => exchange(server.url, site, last, ...args);
}

const modern = await served({ minVersion: 'TLSv1.3', cipherSuites: 'TLS_AES_256_GCM_SHA384' });
const narrow = await served({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' });

test('minVersion TLSv1.3: a TLS 1.2 handshake is refused', async () => {
  const { status, stderr } = await modern('-tls1_2');
  assert.notEqual(status, 0);
  assert.match(stderr, /alert protocol version/);
});

test('cipherSuites: a suite outside the list is refused', async () => {
  assert.match((await modern()).stdout, /New, TLSv1\.3, Cipher is TLS_AES_256_GCM_SHA384\n/);
  const { stderr } = await modern('-ciphersuites', 'TLS_AES_128_GCM_SHA256');
  assert.match(stderr, /alert handshake failure/);
});

test('ciphers: a cipher outside the list is refused', async () => {
  assert.match((await narrow('-tls1_2')).stdout, /New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384\n/);
  const { stderr } = await narrow('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256');
  assert.match(stderr, /alert handshake failure/);
});
