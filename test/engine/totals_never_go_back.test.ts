// Totals of a server outlive the reactors that counted them; gauges do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetiredTotals } from '../../src/engine/retired_totals.ts';

test('a reactor that ended keeps its part of the totals', () => {
  const retired = new RetiredTotals();
  const before = retired.plus([
    { requests: 5, 'connections.idle': 2, plan_entries: 3 },
    { requests: 7, 'connections.idle': 1, plan_entries: 1 },
  ]);
  assert.deepEqual({ ...before }, { requests: 12, 'connections.idle': 3, plan_entries: 4 });
  retired.add({ requests: 6, 'connections.idle': 0, plan_entries: 3 });
  const after = retired.plus([{ requests: 7, 'connections.idle': 1, plan_entries: 1 }]);
  assert.deepEqual({ ...after }, { requests: 13, 'connections.idle': 1, plan_entries: 1 });
});
