// What manifests name, as it is remembered.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedIn } from '../../../src/protocols/oci/named.ts';
import { blobOf, imageOf, jsonOf, types } from '../../support/registry.ts';

test('a member of a manifest of a million characters, which no digest has, is not remembered', () => {
  const [config, layer] = [blobOf('{}'), blobOf('a layer', 'sha512')];
  const manifests = [{ digest: `sha256:${'0'.repeat(1_000_000)}`, size: 1 }];
  const { parts } = namedIn(imageOf(config, [layer], { manifests }).bytes);
  assert.deepEqual(
    parts.map(({ digest }) => digest),
    [config.digest, layer.digest],
  );
  const subject = { digest: 'x'.repeat(1_000_000), size: 1 };
  assert.equal(namedIn(jsonOf({ mediaType: types.index, manifests: [], subject }).bytes).subject, undefined);
});
