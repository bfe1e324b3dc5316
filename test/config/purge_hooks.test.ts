// Hooks that cannot be are refused when the configuration is checked, each with a sentence.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sites } from '../support/purge_setting.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const wrong: [what: string, hook: object, said: RegExp][] = [
  [
    'an unknown variable',
    { request: { url: 'http://a/{uri}' } },
    /request.url: expected no other variables than \{url\}/,
  ],
  [
    'one and many',
    { request: { url: 'http://a/{path}', body: { a: '{urls}' } } },
    /expected either one URL or tag/,
  ],
  [
    'no variable',
    { request: { url: 'http://a/' } },
    /expected \{url\}, \{path\}, \{urls\}, \{tag\} or \{tags\} somewhere/,
  ],
  [
    'a secret without a file',
    { request: { url: '{url}', fields: { A: '{secret}' } } },
    /expected a file, since \{secret\} is used/,
  ],
  [
    'a secret in the URL',
    { secret: 'x', request: { url: 'http://a/{path}?k={secret}' } },
    /\{secret\} in fields or the body only/,
  ],
  [
    'a signature in the body',
    { signingKey: 'x', request: { url: '{url}', body: { a: '{signature}' } } },
    /request.url: expected \{signature\} in fields only: it is made of the body/,
  ],
  [
    'a port that cannot be',
    { request: { url: 'http://a:99999{path}' } },
    /request.url: expected an address that there can be, got/,
  ],
  [
    'a framing field',
    { request: { url: '{url}', fields: { Connection: 'close' } } },
    /expected another field/,
  ],
  [
    'a line break in a field',
    { request: { url: '{url}', fields: { A: 'a\r\nB: c' } } },
    /expected printable ASCII/,
  ],
  [
    'a secret that is not there',
    { secret: './none', request: { url: '{url}' } },
    /purge.hooks.0.secret: there is no such file below \S+; expected the name of a file/,
  ],
];
const plain = await createSite({ sites });
after(() => plain.remove());
for (const [what, hook, said] of wrong)
  test(`a hook with ${what} is refused with a sentence`, async () => {
    const written = JSON.parse(await readFile(plain.config, 'utf8'));
    const all = { name: 'x', everything: { url: 'http://a/' }, ...hook };
    const config = join(plain.dir, 'wrong.json');
    await writeFile(config, JSON.stringify({ ...written, purge: { hooks: [all] } }));
    const { status: ended, stderr } = await outcome(spawnCli(['config', 'check', '--config', config]));
    assert.equal(ended, 78, stderr);
    assert.match(stderr, said);
  });
