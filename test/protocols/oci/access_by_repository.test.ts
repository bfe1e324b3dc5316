// Scopes of repositories: who may pull, push and delete some repositories of a registry and no others.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, imageOf, refusalIn, TestRegistry } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';
import { until } from '../../support/wait.ts';

const registry = await TestRegistry.start({
  publicUrl: 'https://images.example.com/v2/',
  auth: 'token',
});
after(() => registry.stop());

/** A token with these scopes, once the server knows it. */
async function tokenFor(...scopes: string[]): Promise<string> {
  const said = await runCli('token', 'add', ...scopes, '--config', registry.site.config);
  const token = /sgt_[\w-]+/.exec(said)?.[0] ?? '';
  const status = async () => (await registry.askAs(token, 'GET', '/v2/')).status;
  await until(status, (each) => each === 200, 'the server does not know the token');
  return token;
}

const config = blobOf('{}');
const layer = blobOf(randomBytes(100));
const image = imageOf(config, [layer]);
const repositories = ['team-a/app', 'team-a/app/1', 'team-a/app/zero', 'team-b/app', 'zoo'];
for (const each of repositories) {
  await registry.push(each, config, layer);
  await registry.put(each, 'v1', image);
}
const ofTeam = await tokenFor('pull:images/*', 'push:images/team-a/*');
const puller = await tokenFor('pull:images/team-a/*');
const exact = await tokenFor('pull:images/team-a/app', 'pull:images/zoo');
const remover = await tokenFor('delete:images/team-a/*', 'pull:images/team-a/*');

const statusOf = async (token: string, method: string, path: string, ...args: string[]) =>
  (await registry.askAs(token, method, `/v2/${path}`, ...args)).status;

test('a token that pulls and pushes some repositories gets 403 DENIED in every other place', async () => {
  for (let round = 0; round < 4; round++) {
    assert.equal(await statusOf(puller, 'GET', 'team-a/app/manifests/v1'), 200);
    assert.equal(await statusOf(ofTeam, 'GET', 'team-b/app/manifests/v1'), 200);
    assert.equal(await statusOf(puller, 'GET', 'team-b/app/manifests/v1'), 403);
    assert.equal(await statusOf(exact, 'GET', `team-a/app/blobs/${layer.digest}`), 200);
    assert.equal(await statusOf(exact, 'GET', `team-a/app/1/blobs/${layer.digest}`), 403);
  }
  assert.equal(await statusOf(ofTeam, 'POST', 'team-a/new/blobs/uploads/'), 202);
  for (const [token, method, path] of [
    [ofTeam, 'POST', 'team-b/app/blobs/uploads/'],
    [ofTeam, 'PUT', 'team-b/app/manifests/v1'],
    [ofTeam, 'DELETE', 'team-a/app/manifests/v1'],
    [ofTeam, 'DELETE', `team-a/app/blobs/${layer.digest}`],
    [puller, 'POST', 'team-a/app/blobs/uploads/'],
    [puller, 'GET', `team-b/app/blobs/${layer.digest}`],
    [puller, 'GET', 'team-b/app/tags/list'],
    [puller, 'GET', `team-b/app/referrers/${image.digest}`],
    [exact, 'GET', 'team-a/app/zero/tags/list'],
    [remover, 'DELETE', 'team-b/app/manifests/v1'],
    [remover, 'PUT', 'team-a/app/manifests/v1'],
  ] as const)
    assert.deepEqual(
      refusalIn(await registry.askAs(token, method, `/v2/${path}`)),
      [403, 'DENIED'],
      `${method} ${path}`,
    );
});

test('what is there and what is not is answered alike where a client may not pull', async () => {
  const answers = ['team-b/app/manifests/v1', 'team-b/app/manifests/absent', 'none/manifests/v1'].map(
    async (path) => {
      const { status, body } = await registry.askAs(puller, 'GET', `/v2/${path}`);
      return `${status} ${body}`;
    },
  );
  assert.equal(new Set(await Promise.all(answers)).size, 1);
});

test('the token endpoint gives a token to who asks for more than its scopes allow', async () => {
  const scopes = 'scope=repository:team-b/app:pull,push&scope=repository:team-a/app:pull';
  const given = await registry.server.curl(`/v2/token?service=x&${scopes}`, '-u', `me:${puller}`);
  assert.equal(given.status, 200);
  const { token } = JSON.parse(given.body.toString());
  assert.equal(await statusOf(token, 'GET', 'team-a/app/manifests/v1'), 200);
  assert.equal(await statusOf(token, 'GET', 'team-b/app/manifests/v1'), 403);
});

async function catalogue(token: string, n: number): Promise<string[]> {
  const found: string[] = [];
  for (let path: string | undefined = `/v2/_catalog?n=${n}`; path !== undefined; ) {
    const { status, headers, body } = await registry.askAs(token, 'GET', path);
    assert.equal(status, 200);
    found.push(...JSON.parse(body.toString()).repositories);
    const next = /<([^>]+)>/.exec(headers.get('link') ?? '')?.[1];
    path = next && new URL(next).pathname + new URL(next).search;
  }
  return found;
}

test('the catalogue has the repositories that the token pulls, in pages of any size', async () => {
  for (const n of [1, 2, 100]) {
    assert.deepEqual((await catalogue(ofTeam, n)).sort(), [...repositories].sort());
    assert.deepEqual((await catalogue(puller, n)).sort(), repositories.slice(0, 3));
    assert.deepEqual((await catalogue(exact, n)).sort(), ['team-a/app', 'zoo']);
  }
  const pusher = await tokenFor('push:images/*');
  assert.deepEqual(refusalIn(await registry.askAs(pusher, 'GET', '/v2/_catalog')), [403, 'DENIED']);
});

test('a mount from a repository that is not pulled, not there or no name begins an upload', async () => {
  const secret = blobOf(randomBytes(100));
  await registry.push('team-b/app', secret);
  await registry.push('team-a/other', secret);
  const team = await tokenFor('pull:images/team-a/*', 'push:images/team-a/*');
  const mount = (from: string) =>
    statusOf(team, 'POST', `team-a/app/blobs/uploads/?mount=${secret.digest}&from=${from}`);
  for (const from of ['team-b/app', 'absent', 'team-a/absent', 'NO%20NAME', '..%2Fteam-b%2Fapp', ''])
    assert.equal(await mount(from), 202, from);
  assert.equal(await mount('team-a/other'), 201);
});

test('a manifest with a layer of a repository that is not pulled is 404 MANIFEST_BLOB_UNKNOWN', async () => {
  const secret = blobOf(randomBytes(100));
  await registry.push('team-b/app', secret);
  const manifest = imageOf(config, [secret]);
  const type = 'Content-Type: application/vnd.oci.image.manifest.v1+json';
  const body = await registry.file(manifest.bytes);
  const put = await registry.askAs(
    ofTeam,
    ...(['PUT', '/v2/team-a/app/manifests/v2', '-H', type, '--data-binary', `@${body}`] as const),
  );
  assert.deepEqual(refusalIn(put), [404, 'MANIFEST_BLOB_UNKNOWN']);
});

test('a token that deletes some repositories deletes there and pushes nothing', async () => {
  await registry.put('team-a/app/zero', 'gone', image);
  assert.equal(await statusOf(remover, 'DELETE', 'team-a/app/zero/manifests/gone'), 202);
  assert.equal(await statusOf(remover, 'GET', 'team-a/app/zero/manifests/gone'), 404);
});

test('a token of repositories neither reads nor lists the bucket, and finds nothing by digest', async () => {
  const objects = await TestRegistry.start(
    { auth: 'token' },
    {
      sites: [
        { path: '/v2/', protocol: 'oci', bucket: 'images', auth: 'token' },
        { path: '/files/', protocol: 'objects', auth: 'token' },
      ],
    },
  );
  try {
    await objects.push('app', config);
    const said = await runCli('token', 'add', 'pull:images/*', '--config', objects.site.config);
    const token = /sgt_[\w-]+/.exec(said)?.[0] ?? '';
    const status = async () => (await objects.askAs(token, 'GET', `/v2/app/blobs/${config.digest}`)).status;
    await until(status, (each) => each === 200, 'the server does not know the token');
    const hex = config.digest.slice('sha256:'.length);
    for (const path of [`o/images/app/_blobs/sha256/${hex}`, 'o/images/?list', `sha256/${hex}`])
      assert.equal((await objects.askAs(token, 'GET', `/files/${path}`)).status, 403, path);
  } finally {
    await objects.stop();
  }
});

test('DELETE of a blob that a manifest names is 405 UNSUPPORTED, and 202 once that is gone', async () => {
  await registry.push('kept', config, layer);
  await registry.put('kept', 'v1', image);
  const blob = `/v2/kept/blobs/${layer.digest}`;
  assert.deepEqual(refusalIn(await registry.ask('DELETE', blob)), [405, 'UNSUPPORTED']);
  assert.equal((await registry.ask('GET', blob)).status, 200);
  assert.equal((await registry.ask('DELETE', `/v2/kept/manifests/${image.digest}`)).status, 202);
  assert.equal((await registry.ask('DELETE', blob)).status, 202);
  assert.equal((await registry.ask('GET', blob)).status, 404);
});
