// Jobs: work that threads of the engine do, as promises.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { outcome, root, runtimeArguments } from '../support/runtime.ts';
import { temporaryFolder } from '../support/store.ts';

test('500 jobs begun together settle each with its own result or error', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => rm(folder, { recursive: true }));
  const path = (i: number) => join(folder, `${i}`);
  for (let i = 0; i < 500; i += 2) await writeFile(path(i), 'x'.repeat(i));
  const settled = await Promise.allSettled(
    Array.from({ length: 500 }, (_, i) => addon.hashFile(path(i), 'L1')),
  );
  for (const [i, each] of settled.entries()) {
    if (i % 2 === 0) assert.equal(each.status === 'fulfilled' && each.value.size, i);
    else assert.equal(each.status === 'rejected' && each.reason.code, 'ENOENT', `job ${i}`);
  }
});

test('a process waits for the job that is under way, and ends once there is none', async (t) => {
  const folder = await temporaryFolder();
  t.after(() => rm(folder, { recursive: true }));
  const program = join(folder, 'program.ts');
  const lines = [
    `import { addon } from ${JSON.stringify(join(root, 'src/native/addon.ts'))};`,
    `const hash = () => addon.hashFile(${JSON.stringify(program)}, 'L1');`,
    `hash().then(hash).then(({ size }) => console.log(size));`,
  ];
  await writeFile(program, lines.join('\n'));
  const child = spawn(process.execPath, [...runtimeArguments(), program], { cwd: root });
  const { status, stdout, stderr } = await outcome(child);
  assert.equal(stdout.trim(), `${lines.join('\n').length}`, stderr);
  assert.equal(status, 0);
});
