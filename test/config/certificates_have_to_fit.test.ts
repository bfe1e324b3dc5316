// Invalid certificate files and TLS settings are reported before anything starts, by 'config check' and by
// 'serve'.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const [certificate, key] = [site.certificate, join(site.dir, 'tls/key.pem')];
const junk = join(site.dir, 'junk.pem');
const otherKey = join(site.dir, 'other.pem');
await writeFile(junk, 'not PEM\n');
const curve = ['-pkeyopt', 'ec_paramgen_curve:P-256'];
execFileSync('openssl', ['genpkey', '-algorithm', 'EC', ...curve, '-out', otherKey], { stdio: 'ignore' });
const advice = "name a PEM file, or make one with 'sealgate init'";

const wrong: [string, Record<string, unknown>, string][] = [
  [
    'a certificate that is not there',
    { certificate: '/none', key },
    `tls.certificate: /none: cannot be read (ENOENT); ${advice}`,
  ],
  [
    'a key that is not there',
    { certificate, key: '/none' },
    `tls.key: /none: cannot be read (ENOENT); ${advice}`,
  ],
  [
    'a folder for a key',
    { certificate, key: site.dir },
    `tls.key: ${site.dir}: cannot be read (EISDIR); ${advice}`,
  ],
  [
    'a certificate that is no PEM',
    { certificate: junk, key },
    `tls.certificate: ${junk}: expected a PEM certificate, got something else`,
  ],
  [
    'a key that is no PEM',
    { certificate, key: junk },
    `tls.key: ${junk}: expected a PEM private key, got something else`,
  ],
  [
    'the key in place of the certificate',
    { certificate: key, key },
    `tls.certificate: ${key}: expected a PEM certificate, got something else`,
  ],
  [
    'the key of another certificate',
    { certificate, key: otherKey },
    `tls.key: ${otherKey}: expected the key of ${certificate}, got the key of another one`,
  ],
  [
    'a further certificate with another key',
    { certificate, key, certificates: [{ certificate, key: otherKey }] },
    `tls.certificates.0.key: ${otherKey}: expected the key of ${certificate}, got the key of another one`,
  ],
  [
    'issuers that are no PEM',
    { certificate, key, clients: { verify: 'required', ca: junk } },
    `tls.clients.ca: ${junk}: expected a PEM certificate, got something else`,
  ],
  [
    'ciphers that OpenSSL does not have',
    { certificate, key, ciphers: 'ROT13' },
    'tls.ciphers: OpenSSL refuses "ROT13" (no cipher match)',
  ],
];

for (const [what, tls, expected] of wrong) {
  test(what, async () => {
    const file = join(site.dir, 'wrong.json');
    await writeFile(file, JSON.stringify({ store: './store', listeners: ['https://127.0.0.1:0'], tls }));
    for (const command of [['config', 'check'], ['serve']]) {
      const { status, stdout, stderr } = await outcome(spawnCli([...command, '--config', file]));
      assert.deepEqual([status, stdout, stderr], [78, '', `sealgate: ${expected}\n`]);
    }
  });
}

test('a key exchange group that OpenSSL does not have: the list is shown, without a start', async () => {
  const file = join(site.dir, 'groups.json');
  const tls = { certificate, key, groups: 'X25519:P-999' };
  await writeFile(file, JSON.stringify({ store: './store', listeners: ['https://127.0.0.1:0'], tls }));
  for (const command of [['config', 'check'], ['serve']]) {
    const { status, stdout, stderr } = await outcome(spawnCli([...command, '--config', file]));
    assert.deepEqual([status, stdout], [78, '']);
    // The reason is another one in each version of OpenSSL.
    assert.match(stderr, /^sealgate: tls\.groups: OpenSSL refuses "X25519:P-999" \(.*\)\n$/);
  }
});

test('a certificate with its key: accepted', async () => {
  const { status, stdout } = await outcome(spawnCli(['config', 'check', '--config', site.config]));
  assert.deepEqual([status, stdout], [0, 'the configuration is good\n']);
});

test('without an https listener no certificate is needed', async () => {
  const file = join(site.dir, 'plain.json');
  const tls = { certificate: '/none', key: '/none' };
  await writeFile(file, JSON.stringify({ listeners: ['http://127.0.0.1:0'], tls }));
  assert.equal((await outcome(spawnCli(['config', 'check', '--config', file]))).status, 0);
});
