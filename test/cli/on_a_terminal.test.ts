// On a terminal import draws a progress bar; SIGINT restores the terminal and prints what was done and how to
// continue.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, outcome, root, text } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';
import { writeTree } from '../support/tree.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
after(() => site.remove());

/** A command on a pseudo-terminal, made by script(1). */
function onTerminal(args: string[]) {
  const [program, rest] = cliCommand(args);
  const quoted = [program, ...rest].map((each) => `'${each}'`).join(' ');
  const child = spawn('script', ['-qefc', quoted, '/dev/null'], { cwd: root });
  return {
    shown: text(child.stdout),
    type: (keys: string) => child.stdin.write(keys),
    ended: outcome(child),
  };
}

test('import draws a bar up to 100 %', async () => {
  await writeTree(join(site.dir, 'few'), { a: 'a', b: 'b' });
  const { status, stdout } = await onTerminal(['import', join(site.dir, 'few'), '--config', site.config])
    .ended;
  assert.equal(status, 0);
  assert.match(stdout, /100% \| 2\/2 files/);
  assert.match(stdout, /2 files imported/);
});

test('verify draws a bar of blobs', async () => {
  const { status, stdout } = await onTerminal(['verify', '--config', site.config]).ended;
  assert.equal(status, 0);
  assert.match(stdout, /100% \| 2\/2 blobs/);
  assert.match(stdout, /2 blobs verified, all right/);
});

test('SIGINT ends the bar and shows the cursor again', async () => {
  const files = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i}`, `file ${i}`]));
  await writeTree(join(site.dir, 'many'), files);
  const terminal = onTerminal(['import', join(site.dir, 'many'), '-b', 'many', '--config', site.config]);
  await until(terminal.shown, (shown) => /[1-9]\d*\/3000 files/.test(shown), 'the bar is drawn');
  terminal.type('\u0003');
  const { status, stdout } = await terminal.ended;
  assert.equal(status, 130);
  assert.match(stdout, /sealgate: interrupted; run the same command again to go on\r\n$/);
  assert.ok(stdout.lastIndexOf('\u001b[?25h') >= stdout.lastIndexOf('\u001b[?25l'), 'the cursor is hidden');
});
