// With control.auth "token", control:read allows reading and control:operate changes. Addresses that others
// can reach need TLS, and a unix socket belongs to its owner.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
await writeFile(site.config, JSON.stringify({ ...config, control: { auth: 'token' } }));
const made = async (scope: string) => (await runCli('token', 'add', scope, '--config', site.config)).trim();
const tokens = {
  read: await made('control:read'),
  operate: await made('control:operate'),
  other: await made('write:files'),
};
const server = await TestServer.start(site, '--workers', '1', '--control', 'https://127.0.0.1:0');
after(async () => {
  await server.stop();
  await site.remove();
});

async function status(path: string, token: string | undefined, ...args: string[]): Promise<string> {
  const bearer = token === undefined ? [] : ['-H', `Authorization: Bearer ${token}`];
  const quiet = ['-sS', '--cacert', site.certificate, '-o', '/dev/null', '-w', '%{http_code}'];
  return (await outcome(spawn('curl', [...quiet, ...bearer, ...args, `${server.control}${path}`]))).stdout;
}

const rollBack = ['-X', 'POST', '-d', '{"why":"test"}'];

test('without a token only health checks get a response', async () => {
  assert.equal(await status('/healthz', undefined), '200');
  assert.equal(await status('/readyz', undefined), '200');
  for (const path of ['/metrics', '/rollout', '/audit', '/none']) {
    assert.equal(await status(path, undefined), '401', path);
    assert.equal(await status(path, 'sgt_unknown'), '401', path);
    assert.equal(await status(path, tokens.other), '403', path);
  }
});

test('a token with control:read may read, not change', async () => {
  assert.equal(await status('/metrics', tokens.read), '200');
  assert.equal(await status('/rollout/rollback', tokens.read, ...rollBack), '403');
  assert.equal(await status('/tls/reload', tokens.read, '-X', 'POST'), '403');
});

test('a token with control:operate may change, and the audit log has its id', async () => {
  assert.equal(await status('/rollout', tokens.operate), '200');
  assert.equal(await status('/rollout/rollback', tokens.operate, ...rollBack), '200');
  const lines = (await readFile(join(site.dir, 'audit.jsonl'), 'utf8')).trimEnd().split('\n');
  assert.match(JSON.parse(lines.at(-1) ?? '').who, /^token [0-9a-f]{8}$/);
});

test('commands read the token from --token-file', async () => {
  const file = join(site.dir, 'token');
  await writeFile(file, tokens.read);
  const at = ['--config', site.config, '--control', server.control ?? '', '--token-file', file];
  assert.match(await runCli('rollout', 'show', ...at), /^phase +instrument/);
  await assert.rejects(runCli('rollout', 'back', '--why', 'test', ...at), /control:operate/);
});

test('many wrong tokens from one address get 429, and no token is in the log', async () => {
  const answers = new Set<string>();
  const guesses = async (count: number, ...args: string[]) => {
    for (let guess = 0; guess < count && !answers.has('429'); guess += 1)
      answers.add(await status('/metrics', `sgt_guess${guess}`, ...args));
  };
  // A new minute may begin in between.
  await guesses(140, '--interface', '127.0.0.2');
  assert.ok(answers.has('429'));
  assert.equal(await status('/metrics', 'sgt_mistyped'), '401', 'another address is told what is wrong');
  assert.equal(await status('/metrics', tokens.read, '--interface', '127.0.0.2'), '200', 'a known token');
  assert.ok(!server.log().includes('sgt_'));
});

test('a listener beyond loopback needs TLS and tokens', async () => {
  const checked = async (listen: string, auth: string) => {
    await writeFile(site.config, JSON.stringify({ ...config, control: { auth, listen } }));
    return runCli('config', 'check', '--config', site.config);
  };
  await assert.rejects(checked('http://192.0.2.1:9443', 'token'), /control\.listen: expected https:\/\//);
  await assert.rejects(checked('https://192.0.2.1:9443', 'open'), /control\.auth: expected "token"/);
  await checked('https://192.0.2.1:9443', 'token');
});

test('a unix socket has mode 0600, and replaces that of a killed server', async () => {
  const path = join(site.dir, 'control.sock');
  const start = () => TestServer.start(own, '--workers', '1', '--control', `unix:${path}`);
  const own = await createSite();
  const killed = await start();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await killed.stop('SIGKILL');
  const next = await start();
  assert.match(
    await runCli('rollout', 'show', '--config', own.config, '--control', `unix:${path}`),
    /^phase/,
  );
  await next.stop();
  await assert.rejects(stat(path), /ENOENT/);
  await own.remove();
});
