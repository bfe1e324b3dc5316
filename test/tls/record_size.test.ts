// A client can limit the length of records with record_size_limit (RFC 8449) or max_fragment_length (RFC 6066
// section 4).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { outcome, text } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { exchange } from './support.ts';

const size = 100_000;
const limit = 1024;
const request = 'GET /o/files/file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
let site: Site;
let server: TestServer;

before(async () => {
  site = await createSite();
  server = await TestServer.start(site, '--workers', '1');
  await writeFile(join(site.dir, 'file'), 'x'.repeat(size));
  await server.put('/o/files/file', join(site.dir, 'file'));
});
after(async () => {
  await server.stop();
  await site.remove();
});

for (const version of ['-tls1_2', '-tls1_3']) {
  test(`${version} max_fragment_length: no longer records are sent`, async () => {
    const { stdout } = await exchange(server.url, site, request, version, '-maxfraglen', `${limit}`, '-msg');
    const records = [...stdout.matchAll(/<<< .*RecordHeader.*\n {4}(?:\w\w ){3}(\w\w) (\w\w)/g)];
    const lengths = records.map(([, high, low]) => Number.parseInt(`${high}${low}`, 16));
    assert.ok(lengths.length > size / limit, `${lengths.length} records`);
    // The length of the ciphertext, which includes type, tag and nonce; there is no padding.
    assert.ok(Math.max(...lengths) <= limit + 25, `${Math.max(...lengths)}`);
    assert.match(stdout, /HTTP\/1\.1 200 OK/);
  });
}

test('record_size_limit: no longer records are sent', async () => {
  const { port } = new URL(server.url);
  const options = ['--recordsize', `${limit}`, `--x509cafile=${site.certificate}`, '-d', '5', '-p', port];
  const client = spawn('gnutls-cli', [...options, 'localhost'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const [said, debug] = [text(client.stdout), text(client.stderr)];
  const ended = outcome(client);
  await until(said, (all) => all.includes('Simple Client Mode'), 'the handshake');
  client.stdin.write(request);
  const { stdout } = await ended;
  assert.ok(stdout.includes('200 OK'));
  const lengths = [
    ...(debug() + stdout).matchAll(/Decrypted Packet\[\d+\] Application Data\(23\) with length: (\d+)/g),
  ];
  const bytes = lengths.map(([, length]) => Number(length));
  assert.ok(bytes.length > size / limit, `${bytes.length} records`);
  assert.ok(Math.max(...bytes) <= limit, `${Math.max(...bytes)}`);
});
