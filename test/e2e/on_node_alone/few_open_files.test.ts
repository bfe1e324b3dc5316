// With a low limit on open files the server serves more objects than it may keep open, because it lowers its
// own limits.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { cliCommand, root, runCli, text } from '../../support/runtime.ts';
import { createSite } from '../../support/server.ts';
import { writeTree } from '../../support/tree.ts';

/** More than a runtime needs, fewer than there are objects. */
const openFiles = 900;
const objects = 1000;
const site = await createSite();
after(() => site.remove());

test('more objects than open files: every object is served', async () => {
  const tree = join(site.dir, 'tree');
  // Too large to be kept in memory, so that each needs an open file.
  const file = (_: unknown, i: number) => [`o${i}`, `${i} `.repeat(8000)];
  await writeTree(tree, Object.fromEntries(Array.from({ length: objects }, file)));
  await runCli('import', tree, '--config', site.config, '--bucket', 'files');

  const at = ['--listen', 'http://127.0.0.1:0', '--control', 'http://127.0.0.1:0', '--workers', '1'];
  const [program, args] = cliCommand(['serve', '--config', site.config, ...at]);
  const limited = [`--nofile=${openFiles}:${openFiles}`, program, ...args];
  const server = spawn('prlimit', limited, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(server, 'exit');
  const log = text(server.stderr);
  try {
    let url = '';
    for await (const line of createInterface({ input: server.stdout })) {
      url = /^listening (\S+)$/.exec(line)?.[1] ?? url;
      if (line.startsWith('control ')) break;
    }
    for (let i = 0; i < objects; i += 1) {
      const answer = await fetch(`${url}/o/files/o${i}`);
      assert.equal(answer.status, 200, `o${i}: ${answer.status}\n${log()}`);
      assert.equal((await answer.arrayBuffer()).byteLength, `${i} `.length * 8000);
    }
    assert.match(log(), /lowered to the open files allowed/);
  } finally {
    process.kill(server.pid ?? 0, 'SIGTERM');
    await exit;
  }
});
