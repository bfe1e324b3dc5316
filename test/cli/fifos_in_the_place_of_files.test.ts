// If an operator names a FIFO, a folder or a device instead of a file, the command ends at once and says so;
// reading a FIFO would wait for a writer without end.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cliCommand, outcome, root, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const fifo = join(site.dir, 'fifo');
execFileSync('mkfifo', ['-m', '600', fifo]);
const written = JSON.parse(await readFile(site.config, 'utf8'));

/** Milliseconds after which a command counts as hanging; a loaded machine takes seconds to start one. */
const patience = 60_000;

async function refused(args: string[], said: RegExp): Promise<void> {
  const child = spawnCli(args);
  const late = setTimeout(() => child.kill('SIGKILL'), patience);
  const { status, stdout, stderr } = await outcome(child);
  clearTimeout(late);
  assert.ok(status !== null && status > 0, `${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  assert.match(stdout + stderr, said);
}

let configs = 0;
async function configWith(settings: Record<string, unknown>): Promise<string> {
  const config = join(site.dir, `config-${configs++}.json`);
  await writeFile(config, JSON.stringify({ ...written, ...settings }));
  return config;
}

test('a FIFO as the configuration file ends the command', async () => {
  await refused(['ls', 'files', '--config', fifo], /fifo: cannot be read \(it is no ordinary file\)/);
  await refused(['ls', 'files', '--config', site.dir], /cannot be read \(EISDIR\)/);
});

for (const part of ['certificate', 'key'] as const) {
  test(`a FIFO as the ${part} ends the command`, async () => {
    const config = await configWith({ tls: { ...written.tls, [part]: fifo } });
    await refused(['serve', '--config', config], /fifo:? cannot be read \(it is no ordinary file\)/);
  });
}

test('a FIFO as the token file of the site ends the command', async () => {
  const config = await configWith({ auth: { ...written.auth, tokens: fifo } });
  await refused(['token', 'list', '--config', config], /fifo: is no ordinary file/);
});

test('a FIFO for --token-file or --cacert ends the command', async () => {
  const server = ['--server', 'https://127.0.0.1:9'];
  for (const flag of ['--token-file', '--cacert'])
    await refused(['ls', 'files', ...server, flag, fifo], /fifo: is no ordinary file/);
});

test('--token-file reads a pipe made by the shell', async () => {
  const [program, args] = cliCommand(['ls', 'files', '--server', 'https://127.0.0.1:9']);
  const script = 'exec "$@" --token-file <(echo not a token)';
  const { stderr } = await outcome(spawn('bash', ['-c', script, 'bash', program, ...args], { cwd: root }));
  assert.match(stderr, /\/dev\/fd\/\d+: expected one token/);
});
