// README.md followed line by line by somebody who copies its blocks into a terminal, at other ports.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { blocksOf } from '../support/documents.ts';
import { cliCommand, outcome } from '../support/runtime.ts';
import { TestServer } from '../support/server.ts';
import { read } from '../support/sources.ts';
import { temporaryFolder } from '../support/store.ts';

const folder = await temporaryFolder();
const site = join(folder, 'site');
await mkdir(join(folder, 'docs/more'), { recursive: true });
await writeFile(join(folder, 'docs/page.md'), '# A page\n');
await writeFile(join(folder, 'docs/more/page.md'), '# Another page\n');

const blocks = blocksOf(read('README.md'));
/** The block that has the text. */
function block(info: string, having: string): string {
  const found = blocks.find((each) => each.info === info && each.text.includes(having));
  assert.ok(found, `README.md has no block of ${info} with ${having}`);
  return found.text;
}

const words = (given: readonly string[]) => given.map((word) => `'${word}'`).join(' ');
const [program, before] = cliCommand([]);
const sealgate = `sealgate() { ${words([program, ...before])} "$@"; }`;

/** Runs lines in a shell that stops at the first that fails, and resolves with what they printed. */
async function follow(lines: string, cwd: string, env: Record<string, string> = {}): Promise<string> {
  const script = `set -euo pipefail\n${sealgate}\n${lines}`;
  const shell = spawn('bash', ['-c', script], { cwd, env: { ...process.env, ...env } });
  const { status, stdout, stderr } = await outcome(shell);
  assert.equal(status, 0, `${lines}\n${stdout}\n${stderr}`);
  return stdout;
}

const begin = block('sh', 'sealgate init site').replace(/^alias .*\n/m, '');
assert.match(begin, /^sealgate serve .*# listening https:\/\/127\.0\.0\.1:8443$/m);
const made = await follow(begin.replace(/^sealgate serve.*$/m, ''), folder);
const token = /sgt_[\w-]+/.exec(made)?.[0] ?? '';
const certificate = join(site, 'tls/certificate.pem');
const config = join(site, 'sealgate.json');
const remove = () => rm(folder, { recursive: true, force: true });
const server = await TestServer.start({ dir: site, config, certificate, token, listens: false, remove });
after(async () => {
  await server.stop();
  await remove();
});

const here = (lines: string) =>
  lines
    .replaceAll('localhost:8443', `localhost:${new URL(server.url).port}`)
    .replaceAll('curl ', 'curl --fail-with-body -sS ')
    .replace('SEALGATE_TOKEN=sgt_...', `SEALGATE_TOKEN=${token}`);
const env = { SEALGATE_CONTROL: server.control ?? '' };

test('first use: what is put by curl and by the command line is there again', async () => {
  const said = await follow(here(block('sh', 'sealgate put clip.mp4')), site, env);
  for (const name of ['clip.mp4', 'copy.mp4', 'page.md', 'more/page.md'])
    assert.match(said, new RegExp(` ${name.replace('.', '\\.')}$`, 'm'));
  const clip = await readFile(join(site, 'clip.mp4'));
  assert.ok(clip.subarray(1000).equals(await readFile(join(site, 'rest.mp4'))));
  assert.ok(clip.equals(await readFile(join(site, 'again.mp4'))));
});

test('a web site: its configuration is taken by a running server, and it answers', async () => {
  await writeFile(config, block('json', '"www.example.com"'));
  const lines = here(block('sh', 'sealgate config reload'));
  const said = await follow(lines, site, { ...env, SEALGATE_TOKEN: token });
  assert.match(said, /^the configuration is good$/m);
  assert.match(said, /^added {4}www\.example\.com\/$/m);
  assert.match(said, /^<h1>Hello<\/h1>$/m);
  assert.match(said, /^site {6}www\.example\.com\//m);
  const clip = await server.curl('/store/o/files/clip.mp4');
  assert.equal(clip.status, 200);
});
