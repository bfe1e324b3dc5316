// TCP may split and join records anywhere: records in pieces of any size, several in one segment, with
// KeyUpdates between them. Every request in them is answered.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordClient, said, suites } from '../support/record_client.ts';
import { createSite, TestServer } from '../support/server.ts';

const size = 50_000;
const path = '/o/files/file';
const bytes = Buffer.alloc(size, 'piece of it ');
const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const namesOf = (version: string) =>
  suites.filter((suite) => suite.version === version).map(({ name }) => name);
config.tls = { ...config.tls, cipherSuites: namesOf('tls13').join(':'), ciphers: namesOf('tls12').join(':') };
await writeFile(site.config, JSON.stringify(config));
const server = await TestServer.start(site, '--workers', '1', '--ktls', 'off');
await writeFile(join(site.dir, 'file'), bytes);
await server.put(path, join(site.dir, 'file'));
after(async () => {
  await server.stop();
  await site.remove();
});

const digest = createHash('sha256').update(bytes).digest('hex');

for (const suite of suites) {
  // 0: everything in one write. 1 and 3 also split the record headers.
  for (const piece of [0, 1, 3, 4, 5, 6, 50]) {
    test(`${suite.name}: requests in pieces of ${piece} bytes are answered`, async () => {
      const request = ['get', path];
      const commands = ['body', 'hold', ...request, 'record', 23, '', 'release', piece, 'read', size];
      const lines = await recordClient(server, suite, ...commands, 'cut', 'end');
      assert.equal(said(lines, 'received'), `${size}`, lines.join('\n'));
      assert.equal(said(lines, 'digest'), digest);
      assert.equal(lines[0], 'alert 1 0');
    });
  }
}

for (const suite of suites.filter(({ version }) => version === 'tls13')) {
  for (const piece of [0, 7]) {
    test(`${suite.name}: requests and KeyUpdates in pieces of ${piece} bytes, are answered`, async () => {
      const held = [0, 1, 0, 1].flatMap((value) => ['get', path, 'update', value]);
      const commands = ['hold', ...held, 'get', path, 'split-update', 'get', path, 'release', piece];
      const lines = await recordClient(server, suite, ...commands, 'cut', 'end');
      assert.ok(Number(said(lines, 'received')) > 6 * size, lines.join('\n'));
      assert.ok(Number(said(lines, 'updates')) >= 1, lines.join('\n'));
      assert.equal(lines[0], 'alert 1 0');
    });
  }
}

test('a request after more KeyUpdates than one read takes is answered', async () => {
  const suite = suites[0] ?? assert.fail();
  const updates = Array.from({ length: 3000 }, () => ['update', 0]).flat();
  const lines = await recordClient(server, suite, 'hold', ...updates, 'get', path, 'release', 'cut', 'end');
  assert.ok(Number(said(lines, 'received')) > size, lines.join('\n'));
});

test('a request split over many records is answered', async () => {
  const suite = suites[0] ?? assert.fail();
  const records = [...`GET ${path} HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n`.matchAll(/\\?./g)].flatMap(
    ([letter]) => ['text', letter],
  );
  for (const how of [[], ['hold']]) {
    const lines = await recordClient(
      server,
      suite,
      ...how,
      ...records,
      'release',
      'read',
      size,
      'cut',
      'end',
    );
    assert.ok(Number(said(lines, 'received')) > size, lines.join('\n'));
  }
});

test('an upload in records of every length arrives unchanged', async () => {
  const token = site.token;
  const suite = suites[0] ?? assert.fail();
  const lengths = Array.from({ length: 60 }, (_, index) => index * 5 + 1);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const head = [
    'PUT /o/files/of-records HTTP/1.1',
    'Host: test',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${total}`,
    '',
    '',
  ].join('\\r\\n');
  const body = lengths.flatMap((length) => ['text', 'b'.repeat(length)]);
  const lines = await recordClient(server, suite, 'hold', 'text', head, ...body, 'release', 77, 'cut', 'end');
  assert.ok(lines.includes('first HTTP/1.1 201 Created'), lines.join('\n'));
  const stored = await server.curl('/o/files/of-records');
  assert.equal(stored.body.toString(), 'b'.repeat(total));
});
