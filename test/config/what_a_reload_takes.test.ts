// docs/reload.md says of every setting whether a reload takes it. What it says is what the server does, and
// each setting of the schema is there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configSchema } from '../../src/config/schema.ts';
import { reloadable } from '../../src/server/reloadable.ts';
import { root } from '../support/runtime.ts';

const parsed = configSchema.parse({});
const namesIn = (section: string) =>
  Object.keys((parsed as unknown as Record<string, object>)[section] ?? {});

test('settings that are taken singly: each is one of its section, and the section has others', () => {
  for (const [section, which] of Object.entries(reloadable)) {
    if (typeof which === 'boolean') continue;
    const all = namesIn(section);
    assert.deepEqual(
      which.filter((name) => !all.includes(name)),
      [],
      section,
    );
    assert.ok(which.length < all.length, `${section}: write true`);
  }
});

test('the table of docs/reload.md has every section of the schema, and says what is done', async () => {
  const rows = (await readFile(`${root}docs/reload.md`, 'utf8')).matchAll(/^\| `([\w$.*]+)` \| (\w+) \|/gm);
  const said = Object.fromEntries([...rows].map(([, setting, takes]) => [setting, takes]));
  const expected: Record<string, string> = {};
  for (const section of Object.keys(configSchema.shape)) {
    const which = reloadable[section as keyof typeof reloadable];
    if (typeof which === 'boolean') {
      expected[section] = which ? 'reload' : 'restart';
      continue;
    }
    for (const name of which) expected[`${section}.${name}`] = 'reload';
    const others = namesIn(section).filter((name) => !which.includes(name));
    const rest = said[`${section}.*`] === undefined ? others : ['*'];
    for (const name of rest) expected[`${section}.${name}`] = 'restart';
  }
  assert.deepEqual(said, expected);
});
