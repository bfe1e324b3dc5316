// Where reading needs a token, the holder of one that is good for a bucket is answered from kept plans, and
// nobody else is: whatever the token, the method, the range or the condition.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Tokens } from '../../../src/auth/tokens.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

// The sentinel's requests would be counted too.
const site = await createSite({ sentinel: { intervalSeconds: 0 }, auth: { reads: 'token' } });
const tokens = new Tokens(join(site.dir, 'tokens.json'));
const bearer = async (scopes: string[], expires?: Date) => {
  const { token, id } = await tokens.add({ scopes, expires });
  return { id, field: `Authorization: Bearer ${token}` };
};
const files = await bearer(['read:files']);
const all = await bearer(['read:*']);
const live = await bearer(['read:live', 'write:files']);
const expired = await bearer(['read:*'], new Date(Date.now() - 1000));
const server = await TestServer.start(site, '--workers', '1', '--listen', 'http://127.0.0.1:0');
const wire = await Wire.open(server.url);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const content = 'only for some';
const digest = createHash('sha256').update(content).digest('hex');
const file = join(site.dir, 'file');
await writeFile(file, content);
await server.put('/o/files/secret', file);
await server.put('/o/files/other', file);

const hits = () => server.metric('sealgate_plan_cache_hits_total');
/** The answer once it comes from a kept plan. While the server is busy the application answers, alike. */
const kept = async (path: string, field: string) => {
  const ask = async () => {
    const before = await hits();
    const answer = await wire.get(path, field);
    assert.equal(answer.status, 200);
    return { answer, hit: (await hits()) > before };
  };
  return (await until(ask, ({ hit }) => hit, `${path} is answered from a kept plan`)).answer;
};

const strangers: [who: string, status: number, ...fields: string[]][] = [
  ['nobody', 401],
  ['a token that is not known', 401, `Authorization: Bearer sgt_${randomBytes(32).toString('base64url')}`],
  ['a token that has expired', 401, expired.field],
  ['a token for another bucket', 403, live.field],
  ['the digest of a good token', 401, `Authorization: Bearer ${tokens.list()[1]?.hash}`],
  ['a good token in another scheme', 401, files.field.replace('Bearer', 'Basic')],
  ['a good token with a letter more', 401, `${files.field}x`],
  ['a good token with a letter less', 401, files.field.slice(0, -1)],
  ['a good token in capitals', 401, files.field.toUpperCase()],
  ['a good token behind another', 401, files.field.replace('Bearer ', 'Bearer sgt_x, Bearer ')],
  ['an empty token', 401, 'Authorization: Bearer '],
];

test('a token for the bucket is answered from a kept plan, which is private', async () => {
  const answer = await kept('/o/files/secret', files.field);
  assert.equal(answer.body.toString(), content);
  assert.match(answer.headers.get('cache-control') ?? '', /^private, /);
  assert.equal((await kept('/o/files/secret?v=3', all.field)).body.toString(), content);
  // As the application reads the field.
  const spelled = files.field.replace('Bearer ', 'bEARER   ');
  assert.equal((await kept('/o/files/secret', spelled)).body.toString(), content);
});

const asPassword = (field: string, user = 'x') => {
  const pair = field.replace('Authorization: Bearer ', `${user}:`);
  return `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;
};

test('a token as the password of basic authentication is answered from a kept plan', async () => {
  assert.equal((await kept('/o/files/secret', asPassword(files.field))).body.toString(), content);
  assert.equal((await kept('/o/files/secret', asPassword(all.field, ''))).body.toString(), content);
  assert.equal((await wire.get('/o/files/secret', asPassword(live.field))).status, 403);
  assert.equal((await wire.get('/o/files/secret', asPassword(expired.field))).status, 401);
});

test('curl and wget send a token as a password, wget when the answer asks for it', async () => {
  const token = files.field.replace('Authorization: Bearer ', '');
  const url = `${server.url.replace('://', `://user:${token}@`)}/o/files/secret`;
  for (const command of [
    ['curl', '-sS', '--fail', url],
    ['wget', '-qO-', url],
  ]) {
    const [program = '', ...words] = command;
    const { stdout } = await promisify(execFile)(program, words, { timeout: 30_000 });
    assert.equal(stdout, content, program);
  }
});

for (const [who, status, ...fields] of strangers) {
  test(`${who} is answered ${status}, whatever the method, range and condition`, async () => {
    const { headers } = await kept('/o/files/secret', files.field);
    const before = await hits();
    for (const method of ['GET', 'HEAD']) {
      for (const also of [
        [],
        ['Range: bytes=0-2'],
        [`If-None-Match: ${headers.get('etag')}`],
        ['If-None-Match: *'],
        [`If-Range: ${headers.get('etag')}`, 'Range: bytes=0-0'],
        ['If-Match: "other"'],
      ]) {
        wire.send(request(method, '/o/files/secret', ...fields, ...also));
        const answer = await wire.response(method);
        assert.equal(answer.status, status, `${method} ${also}`);
        assert.ok(!answer.body.toString().includes(content));
      }
    }
    assert.equal(await hits(), before);
  });
}

test('a connection that has shown a good token is asked again for each request', async () => {
  for (let round = 0; round < 3; round++) {
    assert.equal((await wire.get('/o/files/secret', files.field)).status, 200);
    assert.equal((await wire.get('/o/files/secret')).status, 401);
    assert.equal((await wire.get('/o/files/secret', live.field)).status, 403);
  }
});

test('bytes by digest are for tokens of all buckets, also when their plan is kept', async () => {
  assert.equal((await kept(`/sha256/${digest}`, all.field)).body.toString(), content);
  assert.equal((await wire.get(`/sha256/${digest}`, files.field)).status, 403);
  assert.equal((await wire.get(`/sha256/${digest}`)).status, 401);
});

test('conditions and ranges are answered from the kept plan', async () => {
  const { headers } = await kept('/o/files/secret', files.field);
  const same = await wire.get('/o/files/secret', files.field, `If-None-Match: ${headers.get('etag')}`);
  assert.equal(same.status, 304);
  const part = await wire.get('/o/files/secret', files.field, 'Range: bytes=0-3');
  assert.deepEqual([part.status, part.body.toString()], [206, content.slice(0, 4)]);
});

test('a token that is removed is refused from then on, and one that is added is good', async () => {
  const { id, field } = await bearer(['read:files']);
  await until(
    async () => (await wire.get('/o/files/other', field)).status,
    (status) => status === 200,
    'added',
  );
  await kept('/o/files/other', field);
  await tokens.revoke(id);
  const ask = async () => (await wire.get('/o/files/other', field)).status;
  await until(ask, (status) => status === 401, 'removed');
  const before = await hits();
  for (let i = 0; i < 20; i++) assert.equal(await ask(), 401);
  assert.equal(await hits(), before);
  await kept('/o/files/other', files.field);
});

/** A token that the server has taken, and whose time is over soon. A busy server may need a longer life. */
async function shortLived(): Promise<string> {
  for (let seconds = 3; ; seconds *= 2) {
    const { field } = await bearer(['read:files'], new Date(Date.now() + seconds * 1000));
    const known = async () => (await wire.get('/o/files/other', field)).status === 200;
    const end = Date.now() + seconds * 1000;
    let seen = false;
    const look = async () => {
      seen = await known();
      return seen || Date.now() > end;
    };
    await until(look, Boolean, 'the token is known, or its time is over');
    if (seen) return field;
  }
}

test('a token whose time is over while its plan is kept is refused from then on', async () => {
  const field = await shortLived();
  const ask = async () => (await wire.get('/o/files/other', field)).status;
  await until(ask, (status) => status === 401, 'expired');
  const before = await hits();
  for (let i = 0; i < 20; i++) assert.equal(await ask(), 401);
  assert.equal(await hits(), before);
});
