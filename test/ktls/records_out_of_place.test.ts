// Records that are not allowed on an established connection get the alert that OpenSSL would send, whether
// the kernel receives, sends or both. test/tls/records_out_of_place.test.ts covers userspace.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { recordClient, suites } from '../support/record_client.ts';
import { outOfPlace } from '../support/records_out_of_place.ts';
import type { Site, TestServer } from '../support/server.ts';
import { type Mode, modes, sample, startServer } from './support.ts';

const kernelModes = modes.filter((mode) => mode !== 'user');
const running = new Map<Mode, { site: Site; server: TestServer; path: string }>();

before(async () => {
  for (const mode of kernelModes) {
    const { site, server } = await startServer(mode);
    const { path } = await sample(site, server, 'small.bin', 100);
    running.set(mode, { site, server, path });
  }
});
after(async () => {
  for (const { site, server } of running.values()) {
    await server.stop();
    await site.remove();
  }
});

for (const mode of kernelModes) {
  for (const [version, cases] of Object.entries(outOfPlace)) {
    const suite = suites.find((each) => each.version === version) ?? assert.fail();
    for (const { what, send, expected } of cases) {
      test(`${mode}, ${version}: ${what}`, async () => {
        const { server, path } = running.get(mode) ?? assert.fail();
        const lines = await recordClient(server, suite, 'get', path, 'read', 100, ...send, 'end');
        assert.deepEqual(lines.slice(0, expected.length), expected, lines.join('\n'));
      });
    }
  }

  test(`${mode}: empty application data records are ignored`, async () => {
    const { server, path } = running.get(mode) ?? assert.fail();
    const suite = suites[0] ?? assert.fail();
    const empty = ['record', 23, ''];
    const lines = await recordClient(
      server,
      suite,
      ...['get', path, 'read', 100, ...empty, ...empty, 'get', path, 'cut', 'end'],
    );
    assert.equal(lines[0], 'alert 1 0');
    assert.ok(Number(lines.find((line) => line.startsWith('received '))?.slice(9)) > 600, 'two responses');
  });
}

test('afterwards the server still serves', async () => {
  for (const { server, path } of running.values()) assert.equal((await server.curl(path)).status, 200);
});
