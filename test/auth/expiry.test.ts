// When a token's time is over it is not known any more, and a time that cannot be read is no token file's.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokens } from '../../src/auth/tokens.ts';

const dir = await mkdtemp(join(tmpdir(), 'sealgate-tokens-'));
after(() => rm(dir, { recursive: true }));

async function expiring(expires: string): Promise<Tokens> {
  const hash = createHash('sha256').update('sgt_a').digest('hex');
  const entry = { id: '00000000', hash, scopes: ['read:*'], created: '2026-01-01T00:00:00.000Z', expires };
  const path = join(dir, 'tokens.json');
  await writeFile(path, JSON.stringify({ tokens: [entry] }), { mode: 0o600 });
  return new Tokens(path);
}

test('a token is known until its time is over, however the time is written', async () => {
  for (const past of ['2001-02-03T04:05:06.000Z', '2001-02-03'])
    assert.equal((await expiring(past)).verify('sgt_a'), undefined, past);
  for (const future of ['2999-02-03T04:05:06.000Z', '2999-02-03'])
    assert.equal((await expiring(future)).verify('sgt_a')?.id, '00000000', future);
});

test('a file with a time that cannot be read is refused, and no token of it is good for ever', async () => {
  for (const text of ['', 'never', 'tomorrow', '2001-02-30T99:00:00Z'])
    await assert.rejects(expiring(text), /is not a token file/, text);
});
