// Rules of retention: what several of them say together.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registrySchema } from '../../../src/config/registry.ts';
import { neededWith, untaggedFor } from '../../../src/protocols/oci/retention.ts';

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

const held = (hex: string, more: { parts?: string[]; subject?: string } = {}) => ({
  ...{ hex, size: 1, created: 0, digests: [`sha256:${hex}`], subject: more.subject },
  parts: (more.parts ?? []).map((each) => ({ digest: `sha256:${each}`, size: 1 })),
});

test('what an index names that is pushed during a round stays at any depth, with what refers to it', () => {
  const all = [
    held('middle', { parts: ['image'] }),
    held('image'),
    held('signature', { subject: 'sha256:image' }),
    held('other'),
  ];
  const survey = { tags: [], manifests: new Map(all.map((each) => [each.hex, each])), blobs: [], unread: [] };
  const kept = [...neededWith(survey, ['sha256:top', 'sha256:middle'])].map(({ hex }) => hex);
  assert.deepEqual(kept.sort(), ['image', 'middle', 'signature']);
  assert.equal(neededWith(survey, ['sha256:top']).size, 0);
});
