// A mirror of a binary cache of Nix, from which the real nix substitutes store paths: by the narinfo and its
// signature, and by archives whose name is their digest.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../support/store.ts';
import { startMirrors, startUpstream } from '../../support/upstream.ts';

const run = promisify(execFile);
const dir = await temporaryFolder();
const cache = join(dir, 'cache');
const broken = new Set<string>();
const upstream = await startUpstream(async (request, response) => {
  const path = request.url ?? '';
  const body = await readFile(join(cache, path)).catch(() => undefined);
  if (!body) return void response.writeHead(404).end();
  if (broken.has(path)) body.fill(0, 0, 1);
  response.writeHead(200, { 'Content-Length': body.length }).end(body);
});
const { server, stop } = await startMirrors({ cache: { url: upstream.url, attempts: 1 } }, [
  { path: '/nix/', prefix: 'nix/', upstreams: ['cache'], mirror: { kind: 'nix', negativeSeconds: 0 } },
]);
after(async () => {
  await stop();
  upstream.close();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  upstream.asked.length = 0;
});

/** A machine with its own store, which takes what the key of the cache has signed. */
const machine = {
  ...process.env,
  ...{ HOME: dir, NIX_REMOTE: '', NIX_CONF_DIR: join(dir, 'etc') },
  ...{ NIX_STORE_DIR: join(dir, 'store'), NIX_STATE_DIR: join(dir, 'var'), NIX_LOG_DIR: join(dir, 'log') },
};
async function configure(key: string): Promise<void> {
  const lines = [
    `substituters = ${server.urls[1]}/nix`,
    `trusted-public-keys = ${key}`,
    ...['build-users-group =', 'sandbox = false', 'narinfo-cache-negative-ttl = 0'],
    ...['narinfo-cache-positive-ttl = 0', 'download-attempts = 1'],
  ];
  await writeFile(join(dir, 'etc', 'nix.conf'), `${lines.join('\n')}\n`);
}
async function nix(program: string, ...args: string[]): Promise<string> {
  return (await run(program, args, { env: machine, cwd: dir })).stdout.trim();
}

await mkdir(join(dir, 'etc'));
await nix('nix-store', '--generate-binary-cache-key', 'own', join(dir, 'secret'), join(dir, 'public'));
const key = (await readFile(join(dir, 'public'), 'utf8')).trim();
await configure(key);

/** A path that is built, stored in the upstream, and removed from the machine. */
async function stored(name: string): Promise<{ path: string; narinfo: string; archive: string }> {
  const builder = `builder="/bin/sh"; args=["-c" "echo ${name} > $out"]`;
  const expression = `derivation { name="${name}"; system=builtins.currentSystem; ${builder}; }`;
  const recipe = await nix('nix-instantiate', '--expr', expression);
  const path = await nix('nix-store', '--realise', recipe, '--option', 'substitute', 'false');
  const to = `file://${cache}?secret-key=${join(dir, 'secret')}&compression=none`;
  await nix('nix', '--extra-experimental-features', 'nix-command', 'copy', '--to', to, path);
  await nix('nix-store', '--delete', path);
  const hash = path.slice(join(dir, 'store').length + 1).slice(0, 32);
  const told = await readFile(join(cache, `${hash}.narinfo`), 'utf8');
  return { path, narinfo: `/${hash}.narinfo`, archive: `/${/^URL: (.+)$/m.exec(told)?.[1]}` };
}

test('nix substitutes a path by the mirror, and once more without the upstream', async () => {
  const { path, narinfo, archive } = await stored('first');
  await nix('nix-store', '--realise', path);
  assert.equal(await readFile(path, 'utf8'), 'first\n');
  assert.deepEqual(upstream.asked, ['GET /nix-cache-info', `GET ${narinfo}`, `GET ${archive}`]);
  await nix('nix-store', '--delete', path);
  await nix('nix-store', '--realise', path);
  assert.equal(await readFile(path, 'utf8'), 'first\n');
  assert.equal(upstream.asked.length, 3);
});

test('an archive with other bytes than its name says reaches no store, until it is right', async () => {
  const { path, archive } = await stored('second');
  broken.add(archive);
  await assert.rejects(nix('nix-store', '--realise', path));
  const there = await readdir(join(dir, 'store'));
  assert.ok(!there.some((name) => /-second$/.test(name)), `${there}`);
  broken.delete(archive);
  await nix('nix-store', '--realise', path);
  assert.equal(await readFile(path, 'utf8'), 'second\n');
});

test('signatures come as they are: a key that did not sign is refused by nix', async () => {
  const { path } = await stored('third');
  const [, digits = ''] = key.split(':');
  await configure(`own:${Buffer.from(digits, 'base64').reverse().toString('base64')}`);
  await assert.rejects(
    nix('nix-store', '--realise', path),
    /is not signed by any of the keys|lacks a valid signature/,
  );
  await configure(key);
  await nix('nix-store', '--realise', path);
});
