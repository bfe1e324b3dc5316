// Records that are not allowed on an established connection get the alert that OpenSSL would send, and the
// server continues.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordClient, suites } from '../support/record_client.ts';
import { outOfPlace } from '../support/records_out_of_place.ts';
import { createSite, TestServer } from '../support/server.ts';

const path = '/o/files/small';
const site = await createSite();
const server = await TestServer.start(site, '--workers', '1', '--ktls', 'off');
await writeFile(join(site.dir, 'small'), 'x'.repeat(100));
await server.put(path, join(site.dir, 'small'));
after(async () => {
  await server.stop();
  await site.remove();
});

for (const [version, cases] of Object.entries(outOfPlace)) {
  const suite = suites.find((each) => each.version === version) ?? assert.fail();
  for (const { what, send, expected } of cases) {
    test(`${version}: ${what}`, async () => {
      const lines = await recordClient(server, suite, 'get', path, 'read', 100, ...send, 'end');
      assert.deepEqual(lines.slice(0, expected.length), expected, lines.join('\n'));
    });

    test(`${version}: ${what}, after a request in the same segment`, async () => {
      const together = ['hold', 'get', path, ...send.filter((word) => word !== 'cut'), 'release'];
      const cut = send.includes('cut') ? ['cut'] : [];
      const lines = await recordClient(server, suite, ...together, ...cut, 'end');
      assert.deepEqual(lines.slice(0, expected.length), expected, lines.join('\n'));
      assert.ok(lines.includes('first HTTP/1.1 200 OK'), lines.join('\n'));
    });
  }
}

test('many records without data in a row end the connection', async () => {
  const suite = suites[0] ?? assert.fail();
  const empty = (count: number) => Array.from({ length: count }, () => ['record', 23, '']).flat();
  const borne = await recordClient(server, suite, ...empty(32), 'get', path, 'cut', 'end');
  assert.ok(borne.includes('first HTTP/1.1 200 OK'), borne.join('\n'));
  const lines = await recordClient(server, suite, ...empty(33), 'get', path, 'end');
  assert.equal(lines[0], 'alert 2 10', lines.join('\n'));
});

test('afterwards the server still serves', async () => assert.equal((await server.curl(path)).status, 200));
