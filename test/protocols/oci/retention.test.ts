// Rules of retention: what several of them say together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrySchema } from '../../../src/config/registry.ts';
import { untaggedFor } from '../../../src/protocols/oci/retention.ts';

const day = 86_400_000;
const cases: [string, object[], number | undefined][] = [
  ['no rule', [], undefined],
  ['a rule with keepTags alone', [{ keepTags: 20 }], 1000],
  ['one with keepTags, and another with 30 days', [{ keepTags: 20 }, { untaggedDays: 30 }], 30 * day],
  ['30 days and 7 days', [{ untaggedDays: 30 }, { keepTags: 1, untaggedDays: 7 }], 7 * day],
  ['0 days', [{ keepTags: 1 }, { untaggedDays: 0 }], 0],
];
for (const [title, retention, expected] of cases)
  test(`what has no tag stays for ${expected ?? 'ever and no'} ms with ${title}, and a grace of 1000`, () => {
    const rules = registrySchema.parse({ retention })?.retention ?? [];
    assert.equal(untaggedFor(rules, 1000), expected);
  });
