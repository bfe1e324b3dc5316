// What does not belong on an established connection is answered with the alert that OpenSSL gives, whoever
// receives and whoever sends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Site, TestServer } from '../support/server.ts';
import { type Mode, modes, recordClient, sample, startServer, suites } from './support.ts';

interface Case {
  what: string;
  send: (string | number)[];
  /** What arrives after it, alerts as `level description`. */
  expected: string[];
  /** Where the kernel receives and OpenSSL sends, which cannot be made to warn. */
  silent?: string[];
}

const unexpected = ['alert 2 10', 'closed'];
const illegal = ['alert 2 47', 'closed'];
const tls13: Case[] = [
  { what: 'a record that does not authenticate', send: ['garbage'], expected: ['alert 2 20', 'closed'] },
  { what: 'a record of an unknown type', send: ['record', 99, '00'], expected: unexpected },
  { what: 'a ChangeCipherSpec', send: ['record', 20, '01'], expected: unexpected },
  { what: 'a heartbeat', send: ['record', 24, '010000'], expected: unexpected },
  { what: 'an empty alert', send: ['record', 21, ''], expected: unexpected },
  { what: 'half an alert', send: ['record', 21, '02'], expected: unexpected },
  { what: 'an alert and a half', send: ['record', 21, '010002'], expected: unexpected },
  { what: 'an empty handshake record', send: ['record', 22, ''], expected: unexpected },
  { what: 'a Finished', send: ['record', 22, '1400000100'], expected: unexpected },
  { what: 'a ClientHello', send: ['record', 22, '0100000100'], expected: unexpected },
  { what: 'a KeyUpdate of two bytes', send: ['record', 22, '180000020000'], expected: illegal },
  { what: 'a KeyUpdate of none', send: ['record', 22, '18000000'], expected: ['alert 2 50', 'closed'] },
  { what: 'a KeyUpdate with a value of its own', send: ['record', 22, '1800000102'], expected: illegal },
  { what: 'two KeyUpdates at once', send: ['record', 22, '18000001001800000100'], expected: unexpected },
  { what: 'a record that is too long', send: ['raw', '1703035000'], expected: ['alert 2 22', 'closed'] },
  { what: 'a record of SSL 2', send: ['raw', '1702000020'], expected: ['alert 2 70', 'closed'] },
  { what: 'a fatal alert', send: ['record', 21, '0250'], expected: ['closed'] },
  { what: 'close_notify', send: ['record', 21, '0100'], expected: ['alert 1 0', 'closed'] },
  { what: 'the end without close_notify', send: ['cut'], expected: ['alert 1 0', 'closed'] },
  {
    what: 'five times user_canceled',
    send: Array.from({ length: 5 }, () => ['record', 21, '015a']).flat(),
    expected: unexpected,
  },
];
const tls12: Case[] = [
  { what: 'a record that does not authenticate', send: ['garbage'], expected: ['alert 2 20', 'closed'] },
  { what: 'a ChangeCipherSpec', send: ['record', 20, '01'], expected: unexpected },
  { what: 'a Finished', send: ['record', 22, '1400000100'], expected: unexpected },
  { what: 'a KeyUpdate', send: ['record', 22, '1800000100'], expected: unexpected },
  { what: 'an alert of no known level', send: ['record', 21, '0300'], expected: illegal },
  { what: 'a warning', send: ['record', 21, '015a', 'cut'], expected: ['alert 1 0', 'closed'] },
  {
    what: 'a renegotiation',
    send: ['record', 22, '0100001c'.padEnd(64, '0'), 'record', 21, '0100'],
    expected: ['alert 1 100', 'alert 1 0', 'closed'],
    silent: ['alert 1 0', 'closed'],
  },
];

const running = new Map<Mode, { site: Site; server: TestServer; path: string }>();

before(async () => {
  for (const mode of modes) {
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

for (const mode of modes) {
  for (const [version, cases] of Object.entries({ tls13, tls12 })) {
    const suite = suites.find((each) => each.version === version) ?? assert.fail();
    for (const { what, send, silent, ...each } of cases) {
      const expected = mode === 'ktls-rx' && silent ? silent : each.expected;
      test(`${mode}, ${version}: ${what}`, async () => {
        const { server, path } = running.get(mode) ?? assert.fail();
        const lines = await recordClient(server, suite, 'get', path, 'read', 100, ...send, 'end');
        assert.deepEqual(lines.slice(0, expected.length), expected, lines.join('\n'));
      });
    }
  }

  test(`${mode}: empty records of data are passed over`, async () => {
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

test('the server still serves', async () => {
  for (const { server, path } of running.values()) assert.equal((await server.curl(path)).status, 200);
});
