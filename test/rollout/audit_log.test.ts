// The audit log keeps every entry in order, even after a crash in the middle of a line, and finds the newest
// entry of an action in a file of any length.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AuditLog } from '../../src/rollout/audit_log.ts';

const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-audit-'));
after(() => rm(dir, { recursive: true }));

const entry = (action: string, why: string) => ({ who: 'somebody', action, why });

test('a FIFO is refused at once and stays', async () => {
  const path = join(dir, 'fifo');
  execFileSync('mkfifo', [path]);
  await assert.rejects(AuditLog.open(path), /fifo: the audit log has to be an ordinary file; name one in/);
  assert.ok((await stat(path)).isFIFO());
});

test('entries keep their order across reopening the log', async () => {
  const path = join(dir, 'order');
  const first = await AuditLog.open(path);
  await Promise.all(Array.from({ length: 50 }, (_, index) => first.append(entry('a', `${index}`))));
  await first.close();
  const second = await AuditLog.open(path);
  await second.append(entry('a', '50'));
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).why),
    Array.from({ length: 51 }, (_, index) => `${index}`),
  );
  assert.equal(
    second
      .recent(2)
      .map(({ why }) => why)
      .join(),
    '50,49',
  );
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await second.close();
});

test('last() finds the newest entry of an action before many others', async () => {
  const log = await AuditLog.open(join(dir, 'long'));
  await log.append({ ...entry('wanted', 'old'), details: 'x'.repeat(60_000) });
  await log.append(entry('wanted', 'new'));
  const others = Array.from({ length: 400 }, (_, index) => log.append(entry('other', 'y'.repeat(index))));
  await Promise.all(others);
  assert.equal(log.last('wanted')?.why, 'new');
  assert.equal(log.last('none'), undefined);
  assert.equal(log.recent(1000).length, 402);
  await log.close();
});

test('a truncated last line does not damage other entries', async () => {
  const path = join(dir, 'torn');
  const before = await AuditLog.open(path);
  await before.append(entry('a', 'whole'));
  await before.close();
  await appendFile(path, '{"at":"2026-01-01T00:00:00Z","who":"some');
  const log = await AuditLog.open(path);
  assert.equal(log.last('a')?.why, 'whole');
  await log.append(entry('a', 'after the crash'));
  assert.deepEqual(
    log.recent(9).map(({ why }) => why),
    ['after the crash', 'whole'],
  );
  await log.close();
});

test('an entry over 64 KiB is refused, and skipped when it is in the file', async () => {
  const path = join(dir, 'huge');
  const log = await AuditLog.open(path);
  await log.append(entry('a', 'kept'));
  assert.throws(() => log.append({ ...entry('a', ''), details: 'x'.repeat(70_000) }), /64 KiB/);
  await appendFile(path, `${JSON.stringify({ ...entry('a', 'forged'), details: 'x'.repeat(300_000) })}\n`);
  assert.equal(log.last('a')?.why, 'kept');
  await log.close();
});

test('a symbolic link as the log file is refused', async () => {
  await symlink(join(dir, 'elsewhere'), join(dir, 'link'));
  await assert.rejects(AuditLog.open(join(dir, 'link')), /audit log cannot be opened/);
});
