// Action results: what is refused as none, and that one is served only while all that it names is there.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { digest, digestOf, file, folder, message, tree } from '../support/action_results.ts';
import { sha256, TestCache } from '../support/bazel.ts';
import { until } from '../support/wait.ts';

const cache = await TestCache.start({ cacheStatus: true });
after(() => cache.stop());

const absent = sha256('nobody has stored this');
let actions = 0;

/** The key of another action. */
function action(): string {
  actions++;
  return sha256(`action ${actions}`);
}

async function stored(...texts: string[]) {
  await Promise.all(texts.map((text) => cache.store(text)));
  return texts.map(digestOf) as [Digest, Digest, Digest, Digest];
}

/** Stores a result. @returns the path of it. */
async function kept(result: Uint8Array, path = `ac/${action()}`): Promise<string> {
  const { status, body } = await cache.put(path, result);
  assert.ok(status === 200 || status === 201, `${status} ${body}`);
  return path;
}

async function statusOf(path: string): Promise<number> {
  return (await cache.ask('GET', path)).status;
}

test('a result whose files are there is answered with the bytes that came', async () => {
  const [one, two, out, err] = await stored('one', 'two', 'out', 'err');
  const result = message(
    file('bin/one', one, [4, 1n]),
    file('bin/two', two),
    ...([
      [4, 1n],
      [6, digest(out)],
      [8, digest(err)],
      [9, message([1, 'worker'])],
    ] as const),
    [10, message([1, 'bin/link'], [2, 'one'])],
    // Of a version of the messages that is not known here.
    [99, 'more'],
  );
  const { status, headers, body } = await cache.ask('GET', await kept(result));
  assert.equal(status, 200);
  assert.deepEqual(new Uint8Array(body), result);
  assert.equal(headers.get('content-length'), `${result.length}`);
  assert.match(headers.get('cache-control') ?? '', /max-age=0, must-revalidate/);
});

test('a result is of its instance alone, and its blobs are of all', async () => {
  const [one] = await stored('of all instances');
  const key = action();
  await kept(message(file('one', one)), `team/a/ac/${key}`);
  const paths = [`ac/${key}`, `team/ac/${key}`, `team/a/b/ac/${key}`, `team/b/ac/${key}`];
  for (const path of paths) assert.equal(await statusOf(path), 404, path);
  assert.equal(await statusOf(`team/a/ac/${key}`), 200);
  for (const path of [`cas/${one.hash}`, `team/b/cas/${one.hash}`])
    assert.equal(await statusOf(path), 200, path);
});

const one = digestOf('one');
const wrong: [what: string, bytes: string | Uint8Array, said: RegExp][] = [
  ['empty', '', /is empty/],
  ['text', 'this is no protobuf at all', /^The body is no ActionResult of Bazel's/],
  ['random bytes', Buffer.from('ffffffffffffffffffff01', 'hex'), /^The body is no ActionResult/],
  ['cut off', message(file('one', one)).subarray(0, -3), /longer than/],
  ['a number that never ends', Buffer.from(`10${'ff'.repeat(20)}`, 'hex'), /no ActionResult/],
  ['a message longer than its result', Buffer.from('12ffffffff0f', 'hex'), /longer than/],
  ['groups in groups', Buffer.alloc(100_000, 0x0b), /no ActionResult/],
  ['a file without a path', message([2, message([2, digest(one)])]), /path is empty/],
  ['a file with an absolute path', message(file('/etc/passwd', one)), /"\/etc\/passwd" is not relative/],
  ['a folder with an absolute path', message(folder('/etc', one)), /is not relative/],
  [
    'a path that is no text',
    message([2, message([1, Buffer.from([0xff, 0xfe])], [2, digest(one)])]),
    /no Act/,
  ],
  ['a file without a digest', message([2, message([1, 'a'])]), /"a" is not 64 lower-case hex digits/],
  ['a digest in upper case', message(file('a', { ...one, hash: one.hash.toUpperCase() })), /64 lower-case/],
  ['a digest of SHA-1', message(file('a', { ...one, hash: '0'.repeat(40) })), /64 lower-case/],
  ['a size below zero', message(file('a', { ...one, size: -1 })), /size of "a" is -1/],
  ['a size beyond all', message(file('a', { ...one, size: 2n ** 62n })), /size of "a"/],
  ['output with a bad digest', message([6, digest({ hash: 'x', size: 1 })]), /what the action printed/],
  ['a link without a target', message([10, message([1, 'a'])]), /"a" has no target/],
  ['a link with an absolute path', message([12, message([1, '/a'], [2, 'b'])]), /is not relative/],
  ['a folder without a tree', message([3, message([1, 'a'], [5, digest(one)])]), /64 lower-case/],
  [
    'a million links',
    message(...Array.from({ length: 100_000 }, () => [10, message([1, 'a'], [2, 'b'])] as const)),
    /names up to 50000 files, folders and links/,
  ],
];

for (const [what, bytes, said] of wrong)
  test(`an action result that is ${what} is 400, and nothing is stored`, async () => {
    const path = `ac/${action()}`;
    const { status, body } = await cache.put(path, bytes);
    assert.equal(status, 400, body.toString());
    assert.match(body.toString(), said);
    assert.ok(body.length < 1000);
    assert.equal(await statusOf(path), 404);
  });

test('an action result that names a million files is 413, and nothing is stored', async () => {
  const path = `ac/${action()}`;
  const each = message(file('a', one));
  const bytes = Buffer.concat(Array.from({ length: 1_000_000 }, () => each));
  assert.equal((await cache.put(path, bytes)).status, 413);
  const { status } = await cache.put(path, bytes.subarray(0, 5_000_000), '-H', 'Transfer-Encoding: chunked');
  assert.equal(status, 413);
  assert.equal(await statusOf(path), 404);
});

test('an action result that lies about the size of a blob that is there is 400 with both sizes', async () => {
  const [its] = await stored('of eleven b');
  const path = `ac/${action()}`;
  const { status, body } = await cache.put(path, message(file('a', { ...its, size: 12 })));
  assert.deepEqual(
    [status, body.toString()],
    [400, `The action result says that ${its.hash} has 12 bytes, and it has 11.\n`],
  );
  assert.equal(await statusOf(path), 404);
});

test('a result is 404 while a file, its output, a tree or a file in a tree is absent', async () => {
  const texts = ['file', 'out', 'err', 'in the root', 'below the root'];
  const digests = texts.map(digestOf) as [Digest, Digest, Digest, Digest, Digest];
  const [its, out, err, root, below] = digests;
  const made = tree(root, below);
  const result = message(
    file('a', its),
    ...([
      [6, digest(out)],
      [8, digest(err)],
    ] as const),
    folder('d', digestOf(made)),
  );
  const path = await kept(result);
  assert.equal(await statusOf(path), 404);
  await Promise.all([...texts, Buffer.from(made)].map((each) => cache.store(each)));
  assert.equal(await statusOf(path), 200);
  for (const each of [...texts, Buffer.from(made)]) {
    // So that workers keep a plan for it, which has to end.
    const said = async () => (await cache.ask('GET', path)).headers.get('cache-status');
    await until(said, (status) => status === 'sealgate; hit', 'no plan is kept');
    await cache.remove(sha256(each));
    const { status, body } = await cache.ask('GET', path);
    assert.deepEqual(
      [status, body.toString()],
      [404, 'The cache no longer has all that the result names.\n'],
    );
    await cache.store(each);
    assert.equal(await statusOf(path), 200);
  }
});

test('a file that is in the result itself is not looked for, nor is an empty one', async () => {
  const inlined = { hash: absent, size: 4 };
  const result = message(
    file('a', inlined, [5, Buffer.from('1234')]),
    file('b', digestOf('')),
    folder('d', digestOf('')),
  );
  assert.equal(await statusOf(await kept(result)), 200);
});

test('a result of 2000 files and a folder of 2001 is served while the last is there', async () => {
  const named = Array.from({ length: 2000 }, () => one);
  const [its, last] = await stored('one', 'the last file');
  const made = tree(...named, last);
  await cache.store(Buffer.from(made));
  const files = named.map((_, index) => file(`bin/${index}`, its));
  const path = await kept(message(...files, folder('d', digestOf(made))));
  assert.equal(await statusOf(path), 200);
  await cache.remove(last.hash);
  assert.equal(await statusOf(path), 404);
});

test('a result that names a folder of many files too often is 400', async () => {
  const [its] = await stored('one');
  const made = tree(...Array.from({ length: 2000 }, () => its));
  await cache.store(Buffer.from(made));
  const folders = Array.from({ length: 300 }, (_, index) => folder(`d${index}`, digestOf(made)));
  const { status, body } = await cache.put(`ac/${action()}`, message(...folders));
  assert.deepEqual([status, body.toString()], [400, 'Its folders have more than 500000 files.\n']);
});

test('a result of a hundred kilobytes that is none is 400', async () => {
  const files = Array.from({ length: 2000 }, (_, index) => file(`bin/${index}`, one));
  const { status, body } = await cache.put(`ac/${action()}`, message(...files, file('', one)));
  assert.deepEqual([status, body.toString()], [400, 'A path is empty.\n']);
});

test('a result whose tree lies about a size, or is none, is 404', async () => {
  const [its] = await stored('in a tree');
  for (const made of [tree({ ...its, size: 5 }), tree({ ...its, hash: 'x' }), Buffer.from('no tree')]) {
    await cache.store(Buffer.from(made));
    const path = `ac/${action()}`;
    const { status } = await cache.put(path, message(folder('d', digestOf(made))));
    assert.equal(status, 400);
    assert.equal(await statusOf(path), 404);
  }
});

test('another result for the same action takes its place, and the older version is removed', async () => {
  const [first, second] = await stored('first', 'second');
  const path = await kept(message(file('a', first)));
  const put = await cache.put(path, message(file('a', second)));
  assert.equal(put.status, 200);
  assert.deepEqual(new Uint8Array((await cache.ask('GET', path)).body), message(file('a', second)));
  assert.equal((await cache.put(path, message(file('a', second)))).status, 200);
  const versions = async () => {
    const token = `Authorization: Bearer ${cache.site.token}`;
    const { body } = await cache.server.curl(`/store/o/builds/?versions&name=${path}`, '-H', token);
    return JSON.parse(body.toString()).versions.length;
  };
  await until(versions, (count) => count === 1, 'the older version stays');
});

test('a PUT whose condition does not hold is 412, and the result and blob of before stay', async () => {
  const hex = await cache.store('conditional');
  const path = `ac/${sha256('conditional')}`;
  const before = message(file('a', digestOf('conditional')));
  const isNew = ['-H', 'If-None-Match: *'];
  assert.equal((await cache.put(path, before, ...isNew)).status, 201);
  assert.equal((await cache.put(path, message(file('b', digestOf('conditional'))), ...isNew)).status, 412);
  assert.deepEqual((await cache.ask('GET', path)).body, Buffer.from(before));
  assert.equal((await cache.put(`cas/${hex}`, 'conditional', ...isNew)).status, 412);
  assert.equal((await cache.put(`cas/${hex}`, 'conditional', '-H', `If-Match: "${hex}"`)).status, 200);
});

test('what somebody stores in place of a result as an object is not sent', async () => {
  const path = `ac/${action()}`;
  const token = `Authorization: Bearer ${cache.site.token}`;
  const at = `/store/o/builds/${path}`;
  assert.equal((await cache.server.curl(at, '-X', 'PUT', '-d', 'no result', '-H', token)).status, 201);
  assert.equal(await statusOf(path), 404);
});

type Digest = ReturnType<typeof digestOf>;
