// What requests of purge hooks say: each variable is filled in once, and lists fit into a head.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { type PurgeHook, purgeSchema } from '../../src/config/purge.ts';
import { told, valuesFor } from '../../src/purge/request.ts';

const secrets = { secret: 's3', signingKey: 'k3' };

function hookOf(request: object): PurgeHook {
  const everything = { url: 'http://cdn.test/all' };
  const [hook] = purgeSchema.parse({
    hooks: [{ name: 'x', signingKey: 'file', secret: 'file', batch: 1000, request, everything }],
  }).hooks;
  assert.ok(hook);
  return hook;
}

test('a tag that is called like a variable is told as it is, and a signature as often as it is named', () => {
  const { request } = hookOf({
    url: 'http://cdn.test/{tag}',
    fields: { Tag: '{tag}', Signed: '{signature} {signature}' },
    body: { tag: '{tag}' },
  });
  const signature = createHmac('sha256', 'k3').update('{"tag":"{signature}"}').digest('hex');
  assert.deepEqual(told(request, { tag: '{signature}' }, secrets), {
    method: 'POST',
    url: 'http://cdn.test/%7Bsignature%7D',
    fields: { Tag: '{signature}', Signed: `${signature} ${signature}` },
    body: '{"tag":"{signature}"}',
  });
});

test('a list in a field has 4 KiB at most, and one in the body as many as the hook says', () => {
  const tags = Array.from({ length: 20 }, (_, at) => `${at}-`.padEnd(1000, 'x'));
  const batches = (request: object) =>
    valuesFor(hookOf(request), { urls: [], tags }).map((values) => values.tags?.length);
  assert.deepEqual(batches({ url: 'http://cdn.test/', fields: { Tags: '{tags}' } }), [4, 4, 4, 4, 4]);
  assert.deepEqual(batches({ url: 'http://cdn.test/', body: { tags: '{tags}' } }), [20]);
});
