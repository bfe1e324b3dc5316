// A cipher suite that the engine does not implement stays with OpenSSL: a response larger than the socket
// buffer arrives completely.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const cipher = 'ECDHE-ECDSA-AES128-SHA256';
const tls = { certificate: './tls/certificate.pem', key: './tls/key.pem', ciphers: cipher };
const site = await createSite({ tls });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test(`a slow reader with ${cipher} gets the complete response`, async () => {
  const bytes = randomBytes(24 * 2 ** 20);
  await writeFile(join(site.dir, 'large'), bytes);
  await server.put('/o/files/large', join(site.dir, 'large'));
  // curl offers only this cipher, so it is the negotiated one.
  const flags = ['--tls-max', '1.2', '--ciphers', cipher, '--limit-rate', '16M'];
  const { body } = await server.curl('/o/files/large', ...flags);
  assert.ok(body.equals(bytes));
});
