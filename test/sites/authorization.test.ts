// Bearer tokens: who may do what, with the tokens and scopes of a real token file.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Tokens } from '../../src/auth/tokens.ts';
import { authorizer } from '../../src/sites/authorize.ts';
import { field, openTestApp, problemName } from '../support/app.ts';

const dir = await mkdtemp(join(tmpdir(), 'sealgate-tokens-'));
const tokens = new Tokens(join(dir, 'tokens.json'));
const bearer = async (...scopes: string[]) => `Authorization: Bearer ${(await tokens.add({ scopes })).token}`;
const [all, live, reader] = [await bearer('write:*'), await bearer('write:live'), await bearer('read:live')];

const open = await openTestApp({ authorize: authorizer(tokens, [], true) });
const closed = await openTestApp({ authorize: authorizer(tokens, [], false), openReads: false });
after(async () => {
  await open.close();
  await closed.close();
  await rm(dir, { recursive: true });
});

const basicCredentials = (user: string, password: string) =>
  Buffer.from(`${user}:${password}`).toString('base64');
const digestPath = `/sha256/${'0'.repeat(64)}`;
const write = async (target: string, ...fields: string[]) => {
  const answer = await open.ask('PUT', target, 'Content-Length: 1', ...fields);
  return answer.kind === 'receive' ? 'receive' : `${answer.kind === 'respond' && answer.status}`;
};

test('writes need a token that is known', async () => {
  for (const field of [
    'X-No: token',
    'Authorization: Basic c2d0',
    'Authorization: Basic c2d0Og==',
    'Authorization: Basic dXNlcjphOmI=',
    `Authorization: Basic ${basicCredentials('user', 'sgt_x').replace('=', '')}`,
    'Authorization: Bearer',
    'Authorization: x',
  ]) {
    const refused = await open.response('PUT', '/o/live/a', 'Content-Length: 1', field);
    assert.deepEqual([refused.status, problemName(refused)], [401, 'token-missing'], field);
  }
  const unknown = await open.response('DELETE', '/o/live/a', 'Authorization: Bearer sgt_unknown');
  assert.deepEqual([unknown.status, problemName(unknown)], [401, 'token-unknown']);
});

test('a refused request: WWW-Authenticate names both schemes, each in a line', async () => {
  const challenges = (response: Awaited<ReturnType<typeof open.response>>) =>
    response.fields.filter(([name]) => name === 'WWW-Authenticate').map(([, value]) => value);
  const basic = 'Basic realm="sealgate", charset="UTF-8"';
  const missing = await open.response('PUT', '/o/live/a');
  assert.deepEqual(challenges(missing), ['Bearer realm="sealgate"', basic]);
  const unknown = await open.response('PUT', '/o/live/a', 'Authorization: Bearer sgt_unknown');
  assert.deepEqual(challenges(unknown), ['Bearer realm="sealgate", error="invalid_token"', basic]);
});

test('a token is the password of basic authentication, whatever the user is called', async () => {
  const [, token = ''] = live.split('Bearer ');
  for (const user of ['', 'token', 'jürgen', 'a'.repeat(300)]) {
    const field = `Authorization: Basic ${basicCredentials(user, token)}`;
    assert.equal(await write('/o/live/a', field), 'receive', user);
    assert.equal(await write('/o/files/a', field), '403', user);
  }
  const unknown = `Authorization: Basic ${basicCredentials('token', 'sgt_unknown')}`;
  assert.equal(problemName(await open.response('PUT', '/o/live/a', unknown)), 'token-unknown');
});

test('a token writes to its buckets only', async () => {
  assert.equal(await write('/o/live/a', live), 'receive');
  assert.equal(await write('/o/files/a', live), '403');
  assert.equal(await write('/o/live/a', reader), '403');
  assert.equal(await write('/o/files/a', all), 'receive');
});

test('bytes without a bucket need the scope of all buckets', async () => {
  assert.equal(await write(digestPath, live), '403');
  assert.equal(await write(digestPath, all), 'receive');
});

test('the scheme is case-insensitive', async () => {
  assert.equal(await write('/o/live/a', live.replace('Bearer', 'bearer')), 'receive');
});

test('where reads are open no token is looked at', async () => {
  assert.equal((await open.response('GET', '/o/live/none', 'Authorization: Bearer wrong')).status, 404);
  assert.equal((await open.response('GET', '/o/live/')).status, 200);
});

test('where reads are open, what is kept is for everybody', async () => {
  await open.put('/o/live/open', 'x', live);
  assert.equal((await open.get('/o/live/open')).grant, '');
});

test('where reads need a token, scopes decide, and what is kept is for those who have them', async () => {
  await closed.put('/o/live/secret', 'x', live);
  for (const target of ['/o/live/secret', '/o/live/', digestPath]) {
    assert.equal((await closed.response('GET', target)).status, 401, target);
  }
  assert.equal((await closed.response('GET', '/o/files/a', reader)).status, 403);
  const plan = await closed.ask('GET', '/o/live/secret', reader);
  assert.ok(plan.kind === 'deliver');
  assert.equal(plan.grant, 'read:live');
  assert.match(field(plan, 'Cache-Control') ?? '', /^private, /);
});
