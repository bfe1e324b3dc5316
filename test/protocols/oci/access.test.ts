// Who may do what at a registry: the challenges and tokens of Docker's scheme, scopes of the bucket, and
// uploads and mounts of others.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { blobOf, imageOf, refusalIn, TestRegistry } from '../../support/registry.ts';
import { runCli } from '../../support/runtime.ts';
import { until } from '../../support/wait.ts';

const publicUrl = 'https://images.example.com/v2/';
const open = await TestRegistry.start({ publicUrl });
const closed = await TestRegistry.start(
  { publicUrl, auth: 'token' },
  { buckets: { images: 'versioned', other: 'versioned' } },
);
const plain = await TestRegistry.start();
after(() => Promise.all([open, closed, plain].map((each) => each.stop())));

/** A token with these scopes, once the server knows it. */
async function tokenFor(registry: TestRegistry, ...scopes: string[]): Promise<string> {
  const said = await runCli('token', 'add', ...scopes, '--config', registry.site.config);
  const token = /sgt_[\w-]+/.exec(said)?.[0] ?? '';
  const status = async () => (await registry.askAs(token, 'GET', '/v2/')).status;
  await until(status, (each) => each === 200, 'the server does not know the token');
  return token;
}

const config = blobOf('{}');

test('GET /v2/ without a token is 401 and names the token endpoint, also where pulls are open', async () => {
  for (const { server } of [open, closed]) {
    const answer = await server.curl('/v2/');
    assert.deepEqual(refusalIn(answer), [401, 'UNAUTHORIZED']);
    assert.equal(
      answer.headers.get('www-authenticate'),
      `Bearer realm="${publicUrl}token",service="images.example.com"`,
    );
  }
});

test('a site without publicUrl challenges to Basic, and takes a token as the password', async () => {
  const answer = await plain.server.curl('/v2/');
  assert.deepEqual(refusalIn(answer), [401, 'UNAUTHORIZED']);
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic /);
  assert.equal((await plain.server.curl('/v2/', '-u', `me:${plain.site.token}`)).status, 200);
  assert.equal((await plain.server.curl('/v2/', '-u', 'me:wrong')).status, 401);
});

test('a push without a token is challenged with the scope that it needs', async () => {
  const answer = await open.server.curl('/v2/team/app/blobs/uploads/', '-X', 'POST');
  assert.deepEqual(refusalIn(answer), [401, 'UNAUTHORIZED']);
  assert.match(answer.headers.get('www-authenticate') ?? '', /,scope="repository:team\/app:pull,push"$/);
});

test('the token endpoint gives a token that pushes for a password, and 401 for a wrong one', async () => {
  const query = '/v2/token?service=x&scope=repository%3Aa%2Fb%3Apull%2Cpush';
  const given = await open.server.curl(query, '-u', `me:${open.site.token}`);
  const { token, access_token, expires_in } = JSON.parse(given.body.toString());
  assert.deepEqual([given.status, access_token, expires_in >= 60], [200, token, true]);
  assert.equal(given.headers.get('cache-control'), 'no-store');
  assert.equal((await open.askAs(token, 'GET', '/v2/')).status, 200);
  assert.equal((await open.askAs(token, 'POST', '/v2/a/b/blobs/uploads/')).status, 202);
  const wrong = await open.server.curl(query, '-u', 'me:wrong');
  assert.deepEqual(refusalIn(wrong), [401, 'UNAUTHORIZED']);
  assert.match(wrong.headers.get('www-authenticate') ?? '', /^Basic /);
});

test('an anonymous token logs in and pulls where everybody may pull, and pushes nothing', async () => {
  const { token } = JSON.parse((await open.server.curl('/v2/token?service=x')).body.toString());
  await open.push('app', config);
  assert.equal((await open.askAs(token, 'GET', '/v2/')).status, 200);
  assert.equal((await open.askAs(token, 'GET', `/v2/app/blobs/${config.digest}`)).status, 200);
  assert.equal((await open.askAs(token, 'POST', '/v2/app/blobs/uploads/')).status, 401);
  assert.equal((await open.askAs(token, 'DELETE', `/v2/app/blobs/${config.digest}`)).status, 401);
});

test('where pulls need a token there is no anonymous one, and nothing is told without', async () => {
  await closed.push('app', config);
  const image = imageOf(config, []);
  await closed.put('app', 'v1', image);
  assert.equal((await closed.server.curl('/v2/token')).status, 401);
  const blob = `app/blobs/${config.digest}`;
  for (let round = 0; round < 4; round++) assert.equal((await closed.ask('GET', `/v2/${blob}`)).status, 200);
  const all = [blob, 'app/manifests/v1', 'app/tags/list', '_catalog', `app/referrers/${image.digest}`];
  for (const path of [...all, 'absent/manifests/v1'])
    for (const token of ['anonymous', 'sgt_unknown'])
      assert.deepEqual(
        refusalIn(await closed.askAs(token, 'GET', `/v2/${path}`)),
        [401, 'UNAUTHORIZED'],
        path,
      );
});

test('a token that reads pulls and cannot push, and one of another bucket does neither', async () => {
  const reader = await tokenFor(closed, 'read:images');
  const stranger = await tokenFor(closed, 'read:other', 'write:other');
  await closed.push('app', config);
  const blob = `/v2/app/blobs/${config.digest}`;
  assert.equal((await closed.askAs(reader, 'GET', blob)).status, 200);
  assert.equal((await closed.askAs(stranger, 'GET', '/v2/')).status, 200);
  for (const [token, method, path] of [
    [reader, 'POST', '/v2/app/blobs/uploads/'],
    [reader, 'DELETE', blob],
    [reader, 'PUT', '/v2/app/manifests/v1'],
    [stranger, 'GET', blob],
    [stranger, 'POST', '/v2/app/blobs/uploads/'],
  ] as const)
    assert.deepEqual(
      refusalIn(await closed.askAs(token, method, path)),
      [403, 'DENIED'],
      `${method} ${path}`,
    );
});

test('a mount by who may write and not read is 202, as if the blob were not there', async () => {
  const blob = blobOf(randomBytes(100));
  await closed.push('secret', blob);
  const path = `/v2/mine/blobs/uploads/?mount=${blob.digest}&from=secret`;
  const writer = await tokenFor(closed, 'write:images');
  assert.equal((await closed.askAs(writer, 'POST', path)).status, 202);
  const both = await tokenFor(closed, 'read:images', 'write:images');
  assert.equal((await closed.askAs(both, 'POST', path)).status, 201);
});

test('the Location of an upload is of no use to another client, nor in another repository', async () => {
  const at = await open.begin('app');
  const local = new URL(at).pathname;
  const other = await tokenFor(open, 'write:images');
  const { digest } = blobOf('stolen');
  for (const [method, query] of [
    ['GET', ''],
    ['PATCH', ''],
    ['PUT', `?digest=${digest}`],
    ['DELETE', ''],
  ]) {
    const answer = await open.askAs(other, method ?? '', local + query, '--data-binary', 'stolen');
    assert.deepEqual(refusalIn(answer), [404, 'BLOB_UPLOAD_UNKNOWN'], method);
    const elsewhere = local.replace('/app/', '/app/below/') + query;
    const moved = await open.ask(method ?? '', elsewhere, '--data-binary', 'stolen');
    assert.deepEqual(refusalIn(moved), [404, 'BLOB_UPLOAD_UNKNOWN'], method);
  }
  for (const id of ['0'.repeat(64), '..', 'x', '%2e%2e']) {
    const answer = await open.ask('GET', `/v2/app/blobs/uploads/${id}`);
    assert.equal(answer.status, 404, id);
  }
  assert.equal((await open.ask('GET', local)).status, 204);
});

test('locations begin with the public URL, where the site has one', async () => {
  assert.match(await open.begin('app'), /^https:\/\/images\.example\.com\/v2\/app\/blobs\/uploads\/\w{64}$/);
  assert.match(await plain.begin('app'), /^\/v2\/app\/blobs\/uploads\/\w{64}$/);
});
