// Whose nghttp2 answers: Node exports one of its own, which the addon must not be bound to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addon } from '../../src/native/addon.ts';

test('nghttp2 is the one inside the addon', () => {
  const { nghttp2, nghttp2File } = addon.libraries();
  assert.match(nghttp2File, /sealgate\.node$/);
  assert.match(nghttp2, /^1\.\d+\.\d+/);
});
