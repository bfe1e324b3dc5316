// The clients that people use: skopeo pushes, copies, inspects, pulls and deletes images; podman logs in,
// pulls and pushes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { layout, run, skopeo } from '../../support/images.ts';
import { TestRegistry } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';
import { freePort } from '../../support/server.ts';
import { until } from '../../support/wait.ts';

const open = await TestRegistry.start();
const port = await freePort();
const withTokens = await TestRegistry.start(
  { publicUrl: `https://127.0.0.1:${port}/v2/`, auth: 'token' },
  {},
  ...['--listen', `https://127.0.0.1:${port}`],
);
after(async () => {
  await open.stop();
  await withTokens.stop();
});

const creds = ({ site }: TestRegistry) => `user:${site.token}`;

for (const [title, registry] of [
  ['Basic', open],
  ['a token endpoint, where pulls need a token', withTokens],
] as const) {
  test(`skopeo pushes, inspects, copies and pulls an image of 3 layers, by ${title}`, async () => {
    const dir = await layout(registry, 3);
    const at = `docker://${registry.host}/team/app`;
    const login = [`--dest-creds=${creds(registry)}`, '--dest-tls-verify=false'];
    const from = ['--src-tls-verify=false', `--src-creds=${creds(registry)}`];
    await skopeo(registry, 'copy', ...login, `oci:${dir}`, `${at}:v1`);
    const inspect = ['inspect', '--tls-verify=false', `--creds=${creds(registry)}`];
    const about = JSON.parse(await skopeo(registry, ...inspect, `${at}:v1`));
    assert.deepEqual([about.RepoTags, about.Layers.length], [['v1'], 3]);
    const other = `docker://${registry.host}/other/app:v2`;
    await skopeo(registry, 'copy', ...from, ...login, `${at}:v1`, other);
    const back = join(registry.site.dir, 'back');
    await skopeo(registry, 'copy', ...from, other, `oci:${back}`);
    const [sent, got] = await Promise.all(
      [dir, back].map(async (each) => JSON.parse(await readFile(join(each, 'index.json'), 'utf8'))),
    );
    assert.equal(got.manifests[0].digest, sent.manifests[0].digest);
  });
}

test('skopeo that pulls without a password gets what everybody may pull', async () => {
  const at = `docker://${open.host}/team/app:v1`;
  const to = join(open.site.dir, 'anonymous');
  await skopeo(open, 'copy', '--src-no-creds', '--src-tls-verify=false', at, `oci:${to}`);
});

test('podman logs in at the token endpoint, pulls an image, and pushes it under another name', async () => {
  const { site, host } = withTokens;
  const folders = ['root', 'runroot', 'tmpdir'].flatMap((name) => [`--${name}`, join(site.dir, name)]);
  const podman = (...args: string[]) =>
    run(withTokens, 'podman', ...['--storage-driver=vfs', ...folders, ...args]);
  const auth = ['--tls-verify=false', '--authfile', join(site.dir, 'auth.json')];
  await podman('login', ...auth, '-u', 'user', '-p', site.token, host);
  await podman('pull', ...auth, `${host}/team/app:v1`);
  await podman('push', ...auth, `${host}/team/app:v1`, `${host}/team/again:v1`);
  const { status } = await withTokens.ask('GET', '/v2/team/again/manifests/v1');
  assert.equal(status, 200);
});

test('skopeo pushes and pulls where its token may, and is denied everywhere else', async () => {
  const { site, host } = withTokens;
  const scopes = ['pull:images/team-a/*', 'push:images/team-a/*'];
  const said = await runCli('token', 'add', ...scopes, '--config', site.config);
  const token = /sgt_[\w-]+/.exec(said)?.[0] ?? '';
  const known = async () => (await withTokens.askAs(token, 'GET', '/v2/')).status;
  await until(known, (status) => status === 200, 'the server does not know the token');
  const dir = await layout(withTokens, 2);
  const login = [`--dest-creds=user:${token}`, '--dest-tls-verify=false'];
  const from = ['--src-tls-verify=false', `--src-creds=user:${token}`];
  await skopeo(withTokens, 'copy', ...login, `oci:${dir}`, `docker://${host}/team-a/app:v1`);
  const second = `docker://${host}/team-a/second:v1`;
  await skopeo(withTokens, 'copy', ...from, ...login, `docker://${host}/team-a/app:v1`, second);
  const elsewhere = `docker://${host}/team-b/app:v1`;
  await assert.rejects(
    skopeo(withTokens, 'copy', ...login, `oci:${dir}`, elsewhere),
    /denied|403 \(Forbidden\)/,
  );
  const to = `oci:${join(site.dir, 'denied')}`;
  await assert.rejects(
    skopeo(withTokens, 'copy', ...from, `docker://${host}/team/app:v1`, to),
    /denied|403 \(Forbidden\)/,
  );
});

test('skopeo delete removes the manifest with all its tags', async () => {
  const at = `docker://${open.host}/other/app:v2`;
  await skopeo(open, 'delete', '--tls-verify=false', `--creds=${creds(open)}`, at);
  assert.equal((await open.ask('GET', '/v2/other/app/manifests/v2')).status, 404);
});
