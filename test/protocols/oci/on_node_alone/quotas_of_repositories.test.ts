// Quotas of repositories: what they have no room for is refused, and says which quota it is.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, imageOf, refusalIn, TestRegistry } from '../../../support/registry.ts';

const registry = await TestRegistry.start({
  registry: {
    quotas: [
      { repositories: 'small/*', bytes: 10_000 },
      { repositories: 'one', bytes: 500 },
    ],
  },
});
after(() => registry.stop());

/** The answer to an upload of a blob, in one request or by PATCH and PUT. */
async function upload(repository: string, bytes: Buffer, how: 'put' | 'patch' = 'put') {
  const { digest } = blobOf(bytes);
  const path = (await registry.begin(repository)).replace(/^https:\/\/[^/]+/, '');
  if (how === 'put') return registry.send('PUT', `${path}?digest=${digest}`, bytes);
  const patched = await registry.send('PATCH', path, bytes, '-H', 'Transfer-Encoding: chunked');
  return patched.status === 202 ? registry.ask('PUT', `${path}?digest=${digest}`) : patched;
}

test('a blob beyond the quota of its repository is 507 DENIED and names it, however it is sent', async () => {
  assert.equal((await upload('small/a', randomBytes(6000))).status, 201);
  for (const how of ['put', 'patch'] as const) {
    const refused = await upload('small/a', randomBytes(5000), how);
    assert.deepEqual(refusalIn(refused), [507, 'DENIED'], how);
    assert.match(
      refused.body.toString(),
      /Repository small\/a has a quota of 10000 bytes, of which 6000 are used; this would add 5000\./,
    );
  }
  assert.equal((await upload('small/a', randomBytes(4000), 'patch')).status, 201);
  assert.equal((await upload('small/b', randomBytes(6000))).status, 201);
  assert.equal((await upload('large', randomBytes(60_000))).status, 201);
});

test('what a repository has already adds nothing, and what is deleted makes room', async () => {
  const bytes = randomBytes(9000);
  const { digest } = blobOf(bytes);
  assert.equal((await upload('small/again', bytes)).status, 201);
  assert.equal((await upload('small/again', bytes)).status, 201);
  assert.equal((await upload('small/again', randomBytes(2000))).status, 507);
  assert.equal((await registry.ask('DELETE', `/v2/small/again/blobs/${digest}`)).status, 202);
  assert.equal((await upload('small/again', randomBytes(2000))).status, 201);
});

test('uploads at the same time do not exceed a quota together', async () => {
  const all = Array.from({ length: 8 }, () => upload('small/race', randomBytes(3000)));
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  assert.deepEqual(statuses.sort(), [201, 201, 201, 507, 507, 507, 507, 507]);
});

test('a mount and a manifest beyond the quota are 507 DENIED', async () => {
  const large = randomBytes(11_000);
  await upload('source', large);
  const mount = `/v2/small/mounts/blobs/uploads/?mount=${blobOf(large).digest}&from=source`;
  assert.deepEqual(refusalIn(await registry.ask('POST', mount)), [507, 'DENIED']);
  const config = blobOf('{}');
  await registry.push('one', config);
  const image = imageOf(config, [], { annotations: { long: 'x'.repeat(600) } });
  assert.deepEqual(refusalIn(await registry.put('one', 'v1', image)), [507, 'DENIED']);
  assert.equal((await registry.put('one', 'v1', imageOf(config, []))).status, 201);
});
