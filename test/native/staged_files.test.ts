// Staging files that a thread of the runtime writes, and growing files that it lengthens by their number.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
let last = 0;
const path = () => join(dir, `${++last}`);
const bytes = Buffer.from('some bytes');

test('what is written is there for readers, hashed, and whole only when somebody says so', async () => {
  const at = path();
  const growing = addon.growingFile();
  const file = addon.stagedFile(at, { expected: 20, digests: ['md5'], growing: growing.share() });
  file.write(bytes);
  file.write(bytes);
  assert.deepEqual([file.size, growing.size, growing.expected, growing.state], [20, 20, 20, 'growing']);
  const twice = Buffer.concat([bytes, bytes]);
  const of = (name: string) => createHash(name).update(twice).digest('hex');
  assert.deepEqual(await file.finish(), { digest: of('sha256'), size: 20, digests: { md5: of('md5') } });
  assert.deepEqual([growing.state, readFileSync(at)], ['growing', twice]);
  growing.finish();
  assert.equal(growing.state, 'whole');
  assert.throws(() => file.write(bytes), { code: 'EBADF' });
});

test('a file that is discarded is removed, and its readers are cut', () => {
  const at = path();
  const growing = addon.growingFile(10);
  assert.equal(growing.expected, 10);
  const file = addon.stagedFile(at, { expected: 10, growing: growing.share() });
  file.write(bytes);
  file.discard();
  assert.deepEqual([existsSync(at), growing.state], [false, 'failed']);
});

test('one thread alone writes to a growing file: a second is refused with EBUSY', () => {
  const growing = addon.growingFile();
  const number = growing.share();
  assert.equal(growing.share(), number);
  const file = addon.stagedFile(path(), { expected: 0, growing: number });
  assert.throws(() => addon.stagedFile(path(), { expected: 0, growing: number }), { code: 'EBUSY' });
  file.discard();
});

test('a growing file that has ended before is refused, and a path that exists is', () => {
  const at = path();
  const growing = addon.growingFile();
  const number = growing.share();
  growing.fail();
  assert.equal(growing.state, 'failed');
  assert.throws(() => addon.stagedFile(at, { expected: 0, growing: number }), { code: 'EBUSY' });
  assert.equal(existsSync(at), false);
  const file = addon.stagedFile(at, { expected: 0 });
  assert.throws(() => addon.stagedFile(at, { expected: 0 }), { code: 'EEXIST' });
  file.discard();
});
