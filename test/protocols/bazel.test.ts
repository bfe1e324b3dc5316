// The HTTP cache of Bazel, by requests: blobs under their digests, and who may do what.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { sha256, TestCache } from '../support/bazel.ts';
import { runCli } from '../support/runtime.ts';
import { until } from '../support/wait.ts';

const cache = await TestCache.start({ cacheStatus: true });
const closed = await TestCache.start({ auth: 'token' });
after(() => Promise.all([cache.stop(), closed.stop()]));

const absent = sha256('nobody has stored this');
const empty = sha256('');

test('a blob that is PUT under its digest is 201, and GET answers its bytes', async () => {
  const bytes = randomBytes(300_000);
  const hex = sha256(bytes);
  const put = await cache.put(`cas/${hex}`, bytes);
  assert.deepEqual([put.status, put.body.length], [201, 0]);
  const got = await cache.ask('GET', `cas/${hex}`);
  assert.equal(got.status, 200);
  assert.deepEqual(got.body, bytes);
  assert.equal(got.headers.get('content-length'), '300000');
  const head = await cache.ask('HEAD', `cas/${hex}`);
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '300000']);
});

for (const size of [1, 100_000, 1_000_000])
  test(`a blob of ${size} bytes that is there is PUT again with 200`, async () => {
    const bytes = randomBytes(size);
    await cache.store(bytes);
    const again = await cache.put(`cas/${sha256(bytes)}`, bytes);
    assert.deepEqual([again.status, again.body.length], [200, 0]);
    assert.deepEqual((await cache.ask('GET', `cas/${sha256(bytes)}`)).body, bytes);
  });

test('a blob that ten clients PUT at once is stored once, and all are told that it is there', async () => {
  const bytes = randomBytes(500_000);
  const hex = sha256(bytes);
  const puts = await Promise.all(Array.from({ length: 10 }, () => cache.put(`cas/${hex}`, bytes)));
  const statuses = puts.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [...Array(9).fill(200), 201]);
  assert.deepEqual((await cache.ask('GET', `cas/${hex}`)).body, bytes);
});

test('a blob that comes in chunks is stored', async () => {
  const hex = sha256('in chunks');
  assert.equal((await cache.put(`cas/${hex}`, 'in chunks', '-H', 'Transfer-Encoding: chunked')).status, 201);
  assert.equal((await cache.ask('GET', `cas/${hex}`)).body.toString(), 'in chunks');
});

test('other bytes than the digest promises are 400 with both digests, and nothing is stored', async () => {
  const { status, headers, body } = await cache.put(`cas/${absent}`, 'other bytes');
  assert.equal(status, 400);
  assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.match(body.toString(), new RegExp(`SHA-256 ${sha256('other bytes')}, promised was ${absent}`));
  assert.equal((await cache.ask('GET', `cas/${absent}`)).status, 404);
});

test('the empty blob is there without being stored, and can be stored', async () => {
  const got = await cache.ask('GET', `cas/${empty}`);
  assert.deepEqual([got.status, got.body.length, got.headers.get('content-length')], [200, 0, '0']);
  assert.equal((await cache.put(`cas/${empty}`, '')).status, 200);
  assert.equal((await cache.put(`cas/${empty}`, 'not empty')).status, 400);
});

test('what nobody has stored is 404, with a body of one line', async () => {
  for (const path of [`cas/${absent}`, `ac/${absent}`, `some/instance/ac/${absent}`]) {
    const { status, body } = await cache.ask('GET', path);
    assert.deepEqual([status, body.toString()], [404, 'There is nothing under this name.\n'], path);
  }
});

test('a path that names no entry is 400 and says what paths there are', async () => {
  const paths = [
    '',
    'cas',
    'cas/',
    `cas/${absent}/`,
    `cas/${absent.slice(1)}`,
    `cas/${absent.toUpperCase()}`,
    `CAS/${absent}`,
    absent,
    `blobs/${absent}`,
    `cas/sha256/${absent}`,
    'ac/status',
  ];
  for (const path of paths)
    for (const method of ['GET', 'PUT']) {
      const { status, body } = await cache.ask(method, path, '--data-binary', 'x');
      assert.equal(status, 400, `${method} ${path}`);
      assert.match(body.toString(), /paths that end with ac\/ or cas\//);
    }
});

test('an instance that is no name is 400 at PUT', async () => {
  for (const instance of ['a//', './', 'a/../', `${'x'.repeat(1000)}/`, '%00/', 'a\\b/'])
    assert.equal((await cache.put(`${instance}ac/${absent}`, 'x')).status, 400, instance);
});

test('other methods are 405 and told which there are', async () => {
  for (const method of ['DELETE', 'POST', 'PATCH', 'COPY']) {
    const { status, headers } = await cache.ask(method, `cas/${absent}`);
    assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD, PUT, OPTIONS'], method);
  }
  assert.equal((await cache.ask('OPTIONS', `cas/${absent}`)).status, 204);
});

test('a body that is coded, partial or missing is refused, and nothing is stored', async () => {
  const hex = sha256('coded');
  for (const [status, ...args] of [
    [415, '-H', 'Content-Encoding: zstd'],
    [400, '-H', 'Content-Range: bytes 0-4/10'],
  ] as const)
    assert.equal((await cache.put(`cas/${hex}`, 'coded', ...args)).status, status, args[1]);
  assert.equal((await cache.ask('PUT', `cas/${hex}`)).status, 411);
  assert.equal((await cache.ask('GET', `cas/${hex}`)).status, 404);
});

test('other bytes that somebody stores under the name of a blob are not sent as it', async () => {
  const token = `Authorization: Bearer ${cache.site.token}`;
  const at = `/store/o/builds/cas/${absent}`;
  assert.equal((await cache.server.curl(at, '-X', 'PUT', '-d', 'x', '-H', token)).status, 201);
  assert.equal((await cache.ask('GET', `cas/${absent}`)).status, 404);
  assert.equal((await cache.server.curl(at, '-X', 'DELETE', '-H', token)).status, 204);
});

test('a blob that is asked for again is sent by a kept plan, until it is removed', async () => {
  const hex = await cache.store('kept by workers');
  const said = async () => {
    const { status, headers } = await cache.ask('GET', `cas/${hex}`);
    return `${status} ${headers.get('cache-status')}`;
  };
  await until(said, (each) => each === '200 sealgate; hit', 'no plan is kept');
  await cache.remove(hex);
  assert.equal((await cache.ask('GET', `cas/${hex}`)).status, 404);
  await cache.store('kept by workers');
  assert.equal((await cache.ask('GET', `cas/${hex}`)).status, 200);
});

/** The status of a request with these arguments of curl, and the text of its answer. */
async function asked(path: string, ...args: string[]): Promise<[number, string]> {
  const { status, body } = await closed.server.curl(`/bazel/${path}`, ...args);
  return [status, body.toString()];
}

test('a token is taken as a bearer and as the password of any user, and nothing else is', async () => {
  const hex = await closed.store('for some');
  const { token } = closed.site;
  for (const args of [
    ['-u', `:${token}`],
    ['-u', `me:${token}`],
    ['-H', `Authorization: Bearer ${token}`],
  ])
    assert.deepEqual(await asked(`cas/${hex}`, ...args), [200, 'for some'], args[0]);
  const missing = 'This request needs a bearer token, or the token as a password.\n';
  for (const path of [`cas/${hex}`, `cas/${empty}`, `ac/${absent}`]) {
    assert.deepEqual(await asked(path), [401, missing], path);
    assert.deepEqual(await asked(path, '-u', 'me:wrong'), [401, 'The token is not known.\n'], path);
  }
  const put = ['-X', 'PUT', '-d', 'for some'];
  assert.deepEqual(await asked(`cas/${hex}`, ...put), [401, missing]);
  assert.deepEqual(await asked(`ac/${hex}`, ...put, '-u', 'me:wrong'), [401, 'The token is not known.\n']);
});

test('where reads are open everybody reads, and nobody writes without a token', async () => {
  const hex = await cache.store('for all');
  assert.equal((await cache.server.curl(`/bazel/cas/${hex}`)).body.toString(), 'for all');
  assert.equal((await cache.server.curl(`/bazel/cas/${hex}`, '-X', 'PUT', '-d', 'for all')).status, 401);
});

test('a token that reads does not write, and one of another bucket does neither', async () => {
  const hex = await closed.store('for readers');
  const tokens = await Promise.all(
    ['read:builds', 'write:others'].map(async (scope) => {
      const said = await runCli('token', 'add', scope, '--config', closed.site.config);
      return /sgt_[\w-]+/.exec(said)?.[0] ?? '';
    }),
  );
  const [reader, stranger] = tokens.map((token): string[] => ['-u', `me:${token}`]) as [string[], string[]];
  const put = ['-X', 'PUT', '-d', 'for readers'];
  const known = async (who: string[]) => (await asked(`cas/${hex}`, ...who))[0];
  await until(
    () => known(reader),
    (each) => each === 200,
    'the reader is not known',
  );
  await until(
    () => known(stranger),
    (each) => each === 403,
    'the stranger is not known',
  );
  for (const path of [`cas/${hex}`, `ac/${hex}`])
    for (const who of [reader, stranger])
      assert.deepEqual(await asked(path, ...put, ...who), [403, 'The token does not allow this.\n']);
});
