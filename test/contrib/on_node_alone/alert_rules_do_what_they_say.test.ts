// The alert rules are well-formed, and fire and keep silent as their unit tests say.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../support/runtime.ts';
import { promtool } from '../promtool.ts';

for (const [what, file] of [
  ['check', 'alerts.yml'],
  ['test', 'alerts_test.yml'],
] as const) {
  test(`promtool ${what} rules ${file}`, async () => {
    const { status, stdout, stderr } = await promtool([
      what,
      'rules',
      join(root, 'contrib/prometheus', file),
    ]);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /SUCCESS/);
  });
}
