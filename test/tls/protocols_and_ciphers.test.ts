// Every offered protocol version and cipher can be negotiated with certificates of both key types and carries
// bytes unchanged. Older versions and weaker ciphers are refused.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { exchange, useRsa } from './support.ts';

const sites = { ECDSA: await createSite(), RSA: await createSite() };
await useRsa(sites.RSA);
const servers = {
  ECDSA: await TestServer.start(sites.ECDSA, '--workers', '1'),
  RSA: await TestServer.start(sites.RSA, '--workers', '1'),
};
const kinds = ['ECDSA', 'RSA'] as const;
after(async () => {
  for (const kind of kinds) {
    await servers[kind].stop();
    await sites[kind].remove();
  }
});

const bytes = randomBytes(300_000);
for (const kind of kinds) {
  const file = join(sites[kind].dir, 'object');
  await writeFile(file, bytes);
  await servers[kind].put('/o/files/object', file);
}

interface Suite {
  version: 'TLSv1.2' | 'TLSv1.3';
  name: string;
}

const suitesOf = (kind: string): Suite[] => [
  { version: 'TLSv1.3', name: 'TLS_AES_128_GCM_SHA256' },
  { version: 'TLSv1.3', name: 'TLS_AES_256_GCM_SHA384' },
  { version: 'TLSv1.3', name: 'TLS_CHACHA20_POLY1305_SHA256' },
  { version: 'TLSv1.2', name: `ECDHE-${kind}-AES128-GCM-SHA256` },
  { version: 'TLSv1.2', name: `ECDHE-${kind}-AES256-GCM-SHA384` },
  { version: 'TLSv1.2', name: `ECDHE-${kind}-CHACHA20-POLY1305` },
];

function offering({ version, name }: Suite): { openssl: string[]; curl: string[] } {
  const modern = version === 'TLSv1.3';
  return {
    openssl: modern ? ['-tls1_3', '-ciphersuites', name] : ['-tls1_2', '-cipher', name],
    curl: modern ? ['--tlsv1.3', '--tls13-ciphers', name] : ['--tls-max', '1.2', '--ciphers', name],
  };
}

const last = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const ask = (url: string, site: Site, args: string[]) => exchange(url, site, last, ...args);

for (const kind of kinds) {
  const [server, site] = [servers[kind], sites[kind]];

  for (const suite of suitesOf(kind)) {
    test(`${kind}: ${suite.version} with ${suite.name} transfers bytes unchanged`, async () => {
      const { openssl, curl } = offering(suite);
      const { status, stdout } = await ask(server.url, site, openssl);
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`New, ${suite.version}, Cipher is ${suite.name}\\n`));
      assert.match(stdout, new RegExp(`Server public key is ${kind === 'RSA' ? '2048' : '256'} bit`));
      assert.match(stdout, /HTTP\/1\.1 200 OK/);
      const { body } = await server.curl('/o/files/object', ...curl);
      assert.ok(body.equals(bytes));
    });
  }

  test(`${kind}: TLS 1.3 is chosen when the client supports it`, async () => {
    const { stdout } = await ask(server.url, site, []);
    assert.match(stdout, /New, TLSv1\.3, Cipher is TLS_/);
  });

  const refused: Record<string, string[]> = {
    'TLS 1.1': ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    'TLS 1.0': ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'],
    'a cipher without authentication': ['-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0'],
    'a cipher without encryption': ['-tls1_2', '-cipher', 'eNULL:@SECLEVEL=0'],
  };
  for (const [what, args] of Object.entries(refused)) {
    test(`${kind}: ${what} is refused with an alert`, async () => {
      const { status, stderr, stdout } = await ask(server.url, site, args);
      assert.notEqual(status, 0);
      assert.match(stderr, /alert (protocol version|handshake failure)/);
      assert.doesNotMatch(stdout, /HTTP\/1\.1/);
    });
  }
}
