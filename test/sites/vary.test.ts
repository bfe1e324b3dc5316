// Vary of answers: one line that has all they depend on, whatever the rules of a site set or remove.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SiteConfig } from '../../src/config/sites.ts';
import type { ResponseField } from '../../src/native/addon.ts';
import { siteFields } from '../../src/sites/site_fields.ts';

const coded: ResponseField = ['Vary', 'Accept-Encoding'];
const cors = (origins: string[]) => ({ origins }) as NonNullable<SiteConfig['cors']>;
const rule = (how: object) => ({ fields: [{ match: '/**', set: {}, add: {}, remove: [], ...how }] });

for (const [what, settings, given, expected] of [
  ['nothing of a site', {}, [coded], ['Accept-Encoding']],
  ['a rule that sets it', rule({ set: { Vary: 'Cookie' } }), [coded], ['Accept-Encoding, Cookie']],
  [
    'a rule that sets it in lower case',
    rule({ set: { vary: 'Cookie' } }),
    [coded],
    ['Accept-Encoding, Cookie'],
  ],
  ['a rule that adds it', rule({ add: { Vary: 'Cookie' } }), [coded], ['Accept-Encoding, Cookie']],
  ['a rule that removes it', rule({ remove: ['Vary'] }), [coded], ['Accept-Encoding']],
  [
    'a rule that repeats it',
    rule({ add: { Vary: 'accept-encoding,Cookie' } }),
    [coded],
    ['accept-encoding, Cookie'],
  ],
  ['some origins', { cors: cors(['https://a.test']) }, [coded], ['Accept-Encoding, Origin']],
  ['some origins and nothing else', { cors: cors(['https://a.test']) }, [], []],
  ['all origins', { cors: cors(['*']) }, [coded], ['Accept-Encoding']],
] as [string, Partial<SiteConfig>, ResponseField[], string[]][])
  test(`${what}: ${expected.length === 0 ? 'none' : expected}`, () => {
    const fields = siteFields(settings)('/a', [['X-Other', '1'], ...given]);
    const lines = fields.filter(([name]) => name.toLowerCase() === 'vary').map(([, value]) => value);
    assert.deepEqual(lines, expected);
    assert.ok(fields.some(([name]) => name === 'X-Other'));
  });
