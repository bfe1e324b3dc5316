// A secret that was written in the place of its file's name is in no message.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { secretLine } from '../../src/auth/secret_line.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));

function saidOf(name: string): string {
  try {
    return `read: ${secretLine(name)}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const advice = 'expected the name of a file with the secret, not the secret itself';
for (const [what, secret] of [
  ['a password', 'robot:hunter2'],
  ['a key with slashes', 'kY3/pA+ss/word=='],
  ['more than a name of a file has', 'x'.repeat(300)],
] as const)
  test(`${what} in the place of a file: the folder that there is, and nothing of the secret`, () => {
    assert.equal(saidOf(join(dir, secret)), `there is no such file below ${dir}; ${advice}`);
  });

test('below a file: the folder of that file', async () => {
  const file = join(dir, 'file');
  await writeFile(file, 'a secret of one word\n', { mode: 0o600 });
  assert.equal(saidOf(join(file, 'secret')), `there is no such file below ${dir}; ${advice}`);
  assert.match(saidOf(file), /^\S+file: expected one line/);
});
