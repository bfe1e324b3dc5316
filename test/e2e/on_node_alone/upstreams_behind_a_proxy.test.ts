// Upstreams that are reached by a proxy alone: tinyproxy, which takes a password.

import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Cache } from '../../caches/cache.ts';
import { makeAuthority, makeLeaf } from '../../support/certificates.ts';
import { assertProblem } from '../../support/problem.ts';
import { temporaryFolder } from '../../support/store.ts';
import { programOf } from '../../support/unpacked.ts';
import { startMirrors, startUpstream } from '../../support/upstream.ts';

const dir = await temporaryFolder();
const log = join(dir, 'proxy.log');
const program = programOf('tinyproxy-bin', 'usr/bin/tinyproxy');
const proxy = await Cache.start('tinyproxy', async (port) => {
  const config = join(dir, 'tinyproxy.conf');
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'MaxClients 50', 'BasicAuth user secret'];
  await writeFile(config, [...lines, `LogFile "${log}"`, 'LogLevel Connect', ''].join('\n'));
  return [program, '-d', '-c', config];
});

const plain = await startUpstream(({ url, headers }, response) => {
  if (url === '/on') response.writeHead(302, { location: `http://localhost:${plain.port}/b` }).end();
  else response.end(`${url} of ${headers.host}, ${headers['proxy-authorization'] ?? 'no password'}`);
});
const authority = await makeAuthority(dir, 'authority');
const leaf = await makeLeaf(dir, authority, { subject: '/CN=localhost', names: ['localhost'] });
const pair = { cert: await readFile(leaf.certificate), key: await readFile(leaf.key) };
const secure = createServer(pair, ({ url }, response) => response.end(`secret ${url}`));
await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
const securePort = (secure.address() as AddressInfo).port;

const by = { proxy: proxy.url, proxyCredentials: './password', attempts: 1 };
const tls = { url: `https://localhost:${securePort}/`, ca: authority.certificate };
const { server, logged, stop } = await startMirrors(
  {
    plain: { url: plain.url, ...by },
    secure: { ...tls, ...by },
    stranger: { ...tls, ...by, ca: undefined },
    'no-password': { ...tls, ...by, proxyCredentials: undefined },
    nowhere: { ...tls, ...by, proxy: 'http://127.0.0.1:9' },
  },
  ['plain', 'secure', 'stranger', 'no-password', 'nowhere'].map((name) => ({
    path: `/${name}/`,
    upstreams: [name],
    prefix: `${name}/`,
  })),
  { password: 'user:secret\n' },
);
after(async () => {
  await stop();
  await proxy.stop();
  plain.close();
  secure.closeAllConnections();
  secure.close();
  await rm(dir, { recursive: true });
});

test('http: by a request for the whole URL, and the password stays with the proxy', async () => {
  const { status, body } = await server.curl('/plain/a');
  assert.deepEqual([status, body.toString()], [200, `/a of 127.0.0.1:${plain.port}, no password`]);
});

test('https: by CONNECT, so that the proxy knows the host and no path', async () => {
  for (const name of ['a', 'b']) {
    const { status, body } = await server.curl(`/secure/${name}`);
    assert.deepEqual([status, body.toString()], [200, `secret /${name}`]);
  }
  const seen = await readFile(log, 'utf8');
  assert.ok(seen.includes(`CONNECT localhost:${securePort} HTTP/1.1`), seen);
  assert.ok(!seen.includes('/b HTTP'), seen);
});

test('an authority that is not named: the proxy changes nothing of that', async () => {
  assertProblem(await server.curl('/stranger/a'), 502, 'upstream-failed');
  await logged(/"upstream":"stranger".*(?:unable to get|unable to verify|self-signed|UNABLE)/);
});

test('a proxy that wants a password, and one that is not there: 502, and the log says why', async () => {
  assertProblem(await server.curl('/no-password/a'), 502, 'upstream-failed');
  await logged(/"upstream":"no-password".*407/);
  assertProblem(await server.curl('/nowhere/a'), 502, 'upstream-failed');
  await logged(/"upstream":"nowhere".*ECONNREFUSED/);
});

test('a redirect to a host that is not named: 502, as only the proxy knows its address', async () => {
  assertProblem(await server.curl('/plain/on'), 502, 'upstream-unusable');
  await logged(/"upstream":"plain".*which a proxy looks up/);
  assert.equal(server.log().includes('secret'), false);
});
