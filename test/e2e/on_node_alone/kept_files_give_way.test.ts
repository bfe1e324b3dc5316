// At the limit of open files the server closes files of kept plans to serve other objects.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { writeTree } from '../../support/tree.ts';

const kept = 200;
const objects = 2 * kept;
const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const tree = join(site.dir, 'tree');
// Too large to be kept in memory.
const content = (i: number) => `${i} `.repeat(8000);
await writeTree(tree, Object.fromEntries(Array.from({ length: objects }, (_, i) => [`o${i}`, content(i)])));
await runCli('import', tree, '--config', site.config, '--bucket', 'files');
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

async function get(i: number): Promise<void> {
  const answer = await fetch(`${server.url}/o/files/o${i}`);
  const body = await answer.text();
  assert.equal(answer.status, 200, `o${i}: ${body}`);
  assert.ok(body === content(i), `o${i} is what was stored`);
}

/** Sets only the soft limit, so that it can be raised again. */
function allowFiles(count: number): void {
  execFileSync('prlimit', ['--pid', `${server.pid}`, `--nofile=${count}:`]);
}

test('at the limit of open files, further objects are served', async () => {
  for (let i = 0; i < kept; i += 1) await get(i);
  const open = (await readdir(`/proc/${server.pid}/fd`)).map(Number);
  assert.ok(open.length > kept, `${open.length} files are open`);
  // The limit applies to the descriptor's number; some lower numbers may be free.
  allowFiles(Math.max(...open) + 1);

  for (let i = kept; i < objects; i += 1) await get(i);
  allowFiles(4096); // the control plane needs one to accept a connection
  assert.ok((await server.metric('sealgate_plan_cache_entries')) < objects);
  assert.doesNotMatch(server.log(), /not as it was recorded/);
});
