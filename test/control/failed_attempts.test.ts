// Wrong tokens are counted per client of the control plane and minute.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientAt, FailedAttempts } from '../../src/control/failed_attempts.ts';

/** How many of a client's attempts get a 401 response. */
function answered(attempts: FailedAttempts, address: string | undefined): number {
  for (let count = 0; count < 1000; count++) if (attempts.add(address)) return count;
  return 1000;
}

test('each address has 60 attempts a minute, and all peers of a unix socket have them together', () => {
  let now = 0;
  const attempts = new FailedAttempts(() => now);
  assert.equal(answered(attempts, '192.0.2.1'), 60);
  assert.equal(answered(attempts, '192.0.2.2'), 60);
  assert.equal(answered(attempts, undefined), 60);
  assert.equal(answered(attempts, '192.0.2.1'), 0);
  now = 60_000;
  assert.equal(answered(attempts, '192.0.2.1'), 60);
});

test('addresses beyond the limit of counted ones share one count', () => {
  const attempts = new FailedAttempts(() => 0);
  for (let i = 0; i < 10_000; i++) attempts.add(`10.0.${i >> 8}.${i & 255}`);
  let turnedAway = 0;
  for (let i = 0; i < 100; i++) turnedAway += Number(attempts.add(`10.1.0.${i}`));
  assert.equal(turnedAway, 40);
  assert.equal(attempts.add('10.0.0.1'), false);
});

const clients: [string, string][] = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['2001:db8:0:0:1:2:3:4', '2001:db8:0:0'],
  ['2001:DB8:a:b::', '2001:db8:a:b'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
  ['1:2:3:4:5:6:7::', '1:2:3:4'],
];
for (const [address, client] of clients) {
  test(`${address} is the client ${client}`, () => assert.equal(clientAt(address), client));
}
