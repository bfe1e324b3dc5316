// Looking up a token takes the same time for any number of tokens, because unknown ones are checked on the
// one application thread.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokens } from '../../src/auth/tokens.ts';

const dir = await mkdtemp(join(tmpdir(), 'sealgate-tokens-'));
after(() => rm(dir, { recursive: true }));

/** A token file with the tokens `sgt_0`, `sgt_1` and so on. */
async function tokens(count: number): Promise<Tokens> {
  const entries = Array.from({ length: count }, (_, i) => ({
    id: i.toString(16).padStart(8, '0'),
    hash: createHash('sha256').update(`sgt_${i}`).digest('hex'),
    scopes: ['read:*'],
    created: '2026-01-01T00:00:00.000Z',
  }));
  const path = join(dir, `${count}.json`);
  await writeFile(path, JSON.stringify({ tokens: entries }), { mode: 0o600 });
  return new Tokens(path);
}

/** Milliseconds for 200 look-ups, the best of several tries, since other load can only add time. */
function cost(of: Tokens, token: string): number {
  const tries = Array.from({ length: 20 }, () => {
    const began = performance.now();
    for (let i = 0; i < 200; i++) of.verify(token);
    return performance.now() - began;
  });
  return Math.min(...tries);
}

test('of 5,000 tokens each is found, and one that is unknown is not', async () => {
  const many = await tokens(5000);
  for (const i of [0, 1, 2500, 4999]) assert.equal(many.verify(`sgt_${i}`)?.id, many.list()[i]?.id);
  for (const unknown of ['', 'sgt_', 'sgt_5000', 'SGT_0', 'sgt_0 '])
    assert.equal(many.verify(unknown), undefined);
});

test('an unknown token costs no more with 5,000 tokens than with one', async () => {
  const [one, many] = [await tokens(1), await tokens(5000)];
  const [alone, among] = [cost(one, 'sgt_unknown'), cost(many, 'sgt_unknown')];
  assert.ok(among < 5 * alone, `${among.toFixed(2)} ms among 5,000 and ${alone.toFixed(2)} ms beside one`);
});
