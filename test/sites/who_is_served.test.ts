// Whom a site serves: lists of addresses, and a token asked for by one site where others are open.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const cors = { origins: ['https://app.example'] };
const site = await createSite({
  buckets: { web: 'versioned' },
  log: { access: './access.log' },
  sites: [
    { host: 'allow.example', bucket: 'web', allow: ['127.0.0.2', '::1'], cors },
    { host: 'deny.example', bucket: 'web', deny: ['127.0.0.2/31'], errorPages: { 403: 'sorry.html' } },
    { host: 'both.example', bucket: 'web', allow: ['127.0.0.0/8'], deny: ['127.0.0.2'] },
    { host: 'six.example', bucket: 'web', allow: ['::/0'] },
    { host: 'objects.example', protocol: 'objects', deny: ['127.0.0.2'] },
    { host: 'open.example', bucket: 'web' },
    { host: 'closed.example', bucket: 'web', auth: 'token', notFound: 'sorry.html', notFoundMaxAge: 60 },
  ],
});
for (const name of ['index.html', 'sorry.html']) {
  await writeFile(join(site.dir, name), name);
  await runCli('put', join(site.dir, name), `web/${name}`, '--config', site.config);
}
const listen = ['--listen', 'http://127.0.0.1:0', '--listen', 'http://[::1]:0'];
const server = await TestServer.start(site, '--workers', '1', ...listen);
after(async () => {
  await server.stop();
  await site.remove();
});

const ask = (host: string, from: string, ...args: string[]) =>
  server.curl('/index.html', '-H', `Host: ${host}`, '--interface', from, ...args);
const port = new URL(server.urls[1] ?? '').port;
const overSix = (host: string) =>
  ask(host, '::1', '--connect-to', `127.0.0.1:${new URL(server.url).port}:[::1]:${port}`);

const cases: [host: string, from: string, status: number][] = [
  ['allow.example', '127.0.0.2', 200],
  ['allow.example', '127.0.0.1', 403],
  ['deny.example', '127.0.0.1', 200],
  ['deny.example', '127.0.0.2', 403],
  ['deny.example', '127.0.0.3', 403],
  ['deny.example', '127.0.0.4', 200],
  ['both.example', '127.0.0.1', 200],
  ['both.example', '127.0.0.2', 403],
  ['six.example', '127.0.0.1', 403],
];
for (const [host, from, status] of cases) {
  test(`${host} asked from ${from}: ${status}, kept or not`, async () => {
    for (let times = 0; times < 3; times++) assert.equal((await ask(host, from)).status, status);
  });
}

test('an IPv6 client: judged by the networks of IPv6', async () => {
  for (const [host, status] of [
    ['allow.example', 200],
    ['six.example', 200],
    ['both.example', 403],
    ['deny.example', 200],
  ] as const)
    assert.equal((await overSix(host)).status, status, host);
});

test('one connection that asks two sites: each judges by its own list', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const hosts = ['allow.example', 'deny.example', 'allow.example', 'both.example'];
  const close = (at: number) => (at === hosts.length - 1 ? 'Connection: close\r\n' : '');
  for (const [at, host] of hosts.entries())
    socket.write(`GET /index.html HTTP/1.1\r\nHost: ${host}\r\n${close(at)}\r\n`);
  const answers = await readText(socket);
  const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  assert.deepEqual(statuses, [403, 200, 403, 200]);
});

test('a refusal is the page of the site or a problem, which allowed origins may read', async () => {
  const page = await ask('deny.example', '127.0.0.2');
  assert.deepEqual([page.body.toString(), page.headers.get('cache-control')], ['sorry.html', 'no-store']);
  const refused = await ask('allow.example', '127.0.0.1', '-H', 'Origin: https://app.example');
  assert.equal(JSON.parse(refused.body.toString()).title, 'address-denied');
  assert.equal(refused.headers.get('access-control-allow-origin'), 'https://app.example');
  assert.ok((await server.metric('sealgate_problems_total{problem="address-denied"}')) > 0);
});

test('methods other than GET are judged as well, uploads and preflights too', async () => {
  const token = ['-H', `Authorization: Bearer ${site.token}`, '-T', join(site.dir, 'index.html')];
  const put = (from: string) =>
    server.curl('/o/web/up', '-H', 'Host: objects.example', '--interface', from, ...token);
  assert.equal((await put('127.0.0.2')).status, 403);
  assert.equal((await put('127.0.0.1')).status, 201);
  const preflight = ['-X', 'OPTIONS', '-H', 'Origin: https://app.example'];
  const asks = [...preflight, '-H', 'Access-Control-Request-Method: GET'];
  assert.equal((await ask('allow.example', '127.0.0.1', ...asks)).status, 403);
  assert.equal((await ask('allow.example', '127.0.0.2', ...asks)).status, 204);
});

test('a site that asks for a token where reading is open takes it as a password', async () => {
  const from = '127.0.0.1';
  assert.equal((await ask('open.example', from)).status, 200);
  const refused = await ask('closed.example', from);
  assert.equal(refused.status, 401);
  const challenges = 'Bearer realm="sealgate", Basic realm="sealgate", charset="UTF-8"';
  assert.equal(refused.headers.get('www-authenticate'), challenges);
  const made = await runCli('token', 'add', 'read:web', '--config', site.config);
  const token = /sgt_[\w-]+/.exec(made)?.[0] ?? '';
  const withPassword = () => ask('closed.example', from, '-u', `anybody:${token}`);
  const answer = await until(withPassword, ({ status }) => status === 200, 'the token is known');
  assert.equal(answer.headers.get('cache-control'), 'private, max-age=0, must-revalidate');
  const hits = await server.metric('sealgate_plan_cache_hits_total');
  for (let times = 0; times < 3; times++) assert.equal((await withPassword()).status, 200);
  assert.ok((await server.metric('sealgate_plan_cache_hits_total')) >= hits + 3, 'from kept plans');
  assert.equal((await ask('closed.example', from)).status, 401);
  assert.equal((await ask('closed.example', from, '-u', 'anybody:sgt_wrong')).status, 401);
  // Of another scope.
  const other = /sgt_[\w-]+/.exec(await runCli('token', 'add', 'read:other', '--config', site.config))?.[0];
  const withOther = () => ask('closed.example', from, '-u', `x:${other}`);
  await until(withOther, ({ status }) => status === 403, 'the other token is known');
});

test('a client that sends its password after the challenge alone, as apt does: 200', async () => {
  const made = await runCli('token', 'add', 'read:web', '--config', site.config);
  const token = /sgt_[\w-]+/.exec(made)?.[0] ?? '';
  // As they do: the password in the URL, sent after the challenge alone.
  const answer = () =>
    ask('closed.example', '127.0.0.1', '--anyauth', '-u', `user:${token}`).then(({ status }) => status);
  await until(answer, (status) => status === 200, 'the token is known');
});

test('the access log has requests that were refused by address', async () => {
  const log = () => readFile(join(site.dir, 'access.log'), 'utf8');
  await until(log, (text) => /"peer":"127\.0\.0\.2"[^\n]*"status":403/.test(text), 'it is there');
});
