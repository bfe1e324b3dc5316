// Requests of one upload that come at the same time: what is stored is what has the digest.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, TestRegistry } from '../../../support/registry.ts';

const registry = await TestRegistry.start();
after(() => registry.stop());

/** A PATCH and the last PUT of one upload at the same time. Resolves with the status of the PUT. */
async function race(): Promise<number> {
  const [other, bytes] = [randomBytes(300_000), randomBytes(300_000)];
  // Only SHA-256 is computed before the last request says that it is this one.
  const { digest } = blobOf(bytes, 'sha512');
  const at = await registry.begin('race');
  const [, { status }] = await Promise.all([
    registry.send('PATCH', at, other, '--limit-rate', '20M'),
    registry.send('PUT', `${at}?digest=${digest}`, bytes),
  ]);
  if (status !== 201) return status;
  const got = await registry.ask('GET', `/v2/race/blobs/${digest}`);
  assert.equal(blobOf(got.body, 'sha512').digest, digest);
  return status;
}

test('a PUT with a SHA-512 beside a PATCH is refused, or stores the bytes of that digest', async () => {
  for (let round = 0; round < 10; round++)
    for (const status of await Promise.all([race(), race(), race(), race()]))
      assert.ok([201, 400, 404, 409].includes(status), `${status}`);
});
