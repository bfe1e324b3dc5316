// A crash leaves no core dump, which would contain keys and tokens, unless --core-dumps is given.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, text } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
after(() => site.remove());
const pattern = (await readFile('/proc/sys/kernel/core_pattern', 'utf8')).trim();
const serve = ['serve', '--config', site.config, '--control', 'http://127.0.0.1:0', '--workers', '1'];
const listen = ['--listen', 'https://127.0.0.1:0'];

/** The files in a server's folder after a crash under a shell that allows core dumps. */
async function filesAfterACrash(...args: string[]): Promise<string[]> {
  const dir = await mkdtemp(join(site.dir, 'crash-'));
  const command = cliCommand([...serve, ...listen, ...args]).flat();
  const child = spawn('sh', ['-c', 'ulimit -c unlimited && exec "$@"', 'sh', ...command], { cwd: dir });
  const out = text(child.stdout);
  await until(out, (told) => told.includes('control http'), 'the server serves');
  child.kill('SIGABRT');
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGABRT');
  return readdir(dir);
}

const skip = /^core\b/.test(pattern) ? false : `cores go to ${pattern} here`;

test('a crash leaves no core dump', { skip }, async () => {
  assert.deepEqual(await filesAfterACrash(), []);
});

test('a crash with --core-dumps leaves a core dump', { skip }, async () => {
  assert.match((await filesAfterACrash('--core-dumps')).join(), /^core/);
});
