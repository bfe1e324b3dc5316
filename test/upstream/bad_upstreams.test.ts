// Upstreams that lie, are slow, never end or lead elsewhere: nothing of theirs is kept, and their clients are
// cut or told so. Each has a name and a path of its own, so that what one does is held against none.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { startMirrors, startRawUpstream, startUpstream } from '../support/upstream.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const body = randomBytes(300_000);
const digest = createHash('sha256').update(body).digest('hex');

/** What is sent to each that is asked for something, before the connection ends; undefined: nothing is. */
const scripts: Record<string, string | undefined> = {
  short: 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc',
  chunk: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n',
  both: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n',
  lengths: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
  garbage: 'NOPE\r\n\r\n',
  empty: '',
  silent: undefined,
  stalled: undefined,
  teapot: 'HTTP/1.1 418 Short\r\nContent-Length: 0\r\n\r\n',
  partial: 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc',
  closed: 'HTTP/1.1 200 OK\r\n\r\nabc',
  large: 'HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\nabc',
  gzip: 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc',
  promise: `HTTP/1.1 200 OK\r\nContent-Length: 3\r\nRepr-Digest: sha-256=:${'A'.repeat(43)}=:\r\n\r\nabc`,
  named: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc',
};
const raw = await startRawUpstream((socket, head) => {
  const name = head.split('/')[1] ?? '';
  const said = scripts[name];
  if (said !== undefined) socket.end(Buffer.from(said, 'latin1'));
  else if (name === 'stalled') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc');
});

const flood = await startUpstream((_, response) => {
  const more = () => {
    while (!response.destroyed && response.write(body));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
});

/** Where each name is sent on to. */
const leads: Record<string, string> = {};
const redirecting = await startUpstream((asked, response) => {
  const to = leads[asked.url?.slice(1) ?? ''];
  if (to !== undefined) response.writeHead(302, { location: to }).end();
  else response.end(`own ${asked.headers.authorization}`);
});
const elsewhere = await startUpstream((asked, response) => {
  response.end(`elsewhere ${asked.headers.authorization ?? 'without a token'}`);
});

const limits = { connectSeconds: 5, firstByteSeconds: 1, idleSeconds: 1, maxBytes: 2 ** 20 };
const upstreams: Record<string, Record<string, unknown>> = {
  ...Object.fromEntries(
    Object.keys(scripts).map((name) => [name, { url: `${raw.url}${name}/`, ...limits, attempts: 2 }]),
  ),
  flood: { url: flood.url, ...limits, attempts: 1 },
  redirecting: { url: redirecting.url, ...limits, attempts: 1, token: './token', redirects: 3 },
  trusting: { url: redirecting.url, ...limits, token: './token', redirectsTo: ['127.0.0.1', '*.localhost'] },
};
const sites = Object.keys(upstreams).map((name) => ({
  ...{ path: `/${name}/`, prefix: `${name}/`, upstreams: [name] },
  mirror: { rules: [{ match: `/${name}/sha256/*`, immutable: true, sha256: '$1' }], negativeSeconds: 0 },
}));
const { server, site, logged, stop } = await startMirrors(upstreams, sites, { token: 'a-secret-of-ours\n' });
after(async () => {
  await stop();
  for (const each of [raw, flood, elsewhere, redirecting]) each.close();
});

/** Nothing of the object is left: no name, and no staging file. */
async function isGone(name: string): Promise<void> {
  assert.equal((await server.curl(`/o/mirror/${name}`)).status, 404);
  const staging = join(site.dir, 'store', 'staging');
  await until(
    () => readdirSync(staging),
    (left) => left.length === 0,
    'staging',
  );
}

/** What has come of an answer: its status, or that it was cut. */
async function fateOf(path: string): Promise<string> {
  const wire = await Wire.open(server.urls[1] ?? '');
  wire.send(request('GET', path));
  const { status, headers } = await wire.head();
  if (status !== 200) return `${status}`;
  const length = Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY);
  const { rest } = await wire.ended();
  return rest.length < length && !rest.endsWith('\r\n0\r\n\r\n') ? 'cut' : 'whole';
}

for (const name of ['short', 'chunk', 'stalled', 'flood'])
  test(`a body without its end is cut for clients, too, and nothing of it is kept: ${name}`, async () => {
    // 503: it had ended before the answer began.
    assert.match(await fateOf(`/${name}/x`), /^(?:cut|503)$/);
    await isGone(`${name}/x`);
  });

for (const name of ['promise', 'named'])
  test(`bytes of another digest than is known are cut before their last, and not kept: ${name}`, async () => {
    const path = name === 'named' ? `/named/sha256/${digest}` : '/promise/x';
    assert.match(await fateOf(path), /^(?:cut|503)$/);
    await isGone(path.slice(1));
  });

for (const [name, status, title] of [
  ['both', 502, 'upstream-failed'],
  ['lengths', 502, 'upstream-failed'],
  ['garbage', 502, 'upstream-failed'],
  ['empty', 502, 'upstream-failed'],
  ['silent', 504, 'upstream-late'],
  ['teapot', 502, 'upstream-failed'],
  ['partial', 502, 'upstream-failed'],
  ['closed', 502, 'upstream-unusable'],
  ['large', 502, 'upstream-unusable'],
  ['gzip', 502, 'upstream-unusable'],
] as const)
  test(`an answer that is none is ${status} ${title}, and nothing of it is kept: ${name}`, async () => {
    assertProblem(await server.curl(`/${name}/x`), status, title);
    await isGone(`${name}/x`);
  });

test('a name whose digest cannot be one gets nothing', async () => {
  assert.match(await fateOf('/named/sha256/nothing'), /^(?:cut|503)$/);
  await isGone('named/sha256/nothing');
});

const refused: [what: string, to: string][] = [
  ['a link-local address', 'http://169.254.169.254/latest/meta-data/'],
  ['another port of its own machine', `${elsewhere.url}x`],
  ['a name of this machine', `http://localhost:${elsewhere.port}/x`],
  ['an address of this machine in hex', `http://0x7f000001:${elsewhere.port}/x`],
  ['an address of this machine in IPv6', `http://[::ffff:127.0.0.1]:${elsewhere.port}/x`],
  ['a private address', 'http://10.0.0.1/x'],
  ['a file', 'file:///etc/passwd'],
  ['a URL with a user name', `http://user@127.0.0.1:${redirecting.port}/x`],
  ['itself', '/lead'],
];
for (const [what, to] of refused)
  test(`a redirect to ${what} is not followed`, async () => {
    leads.lead = to;
    const answer = await server.curl('/redirecting/lead');
    assertProblem(answer, 502, 'upstream-unusable');
    assert.deepEqual(elsewhere.asked, []);
    assert.doesNotMatch(answer.body.toString(), /redirect/, 'where it leads is for the log');
    await logged(/it redirects /);
  });

test('the query of a URL that a redirect leads to may be a signature, and is not in the log', async () => {
  leads.signed = '/signed?signature=hidden';
  leads['signed?signature=hidden'] = '/signed?signature=hidden';
  assertProblem(await server.curl('/redirecting/signed'), 502, 'upstream-unusable');
  await logged(/it redirects in a circle, by [^ "]*\/signed"/);
  assert.doesNotMatch(server.log(), /hidden/);
});

test('an object that breaks off, and has no end that is told the next time, is not kept', async () => {
  let asked = 0;
  const fickle = await startRawUpstream((socket) => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    socket.end(asked++ === 0 ? chunked : 'HTTP/1.1 200 OK\r\n\r\nhalf of it');
  });
  const rules = [{ match: '/m/**', immutable: true }];
  const mirrored = await startMirrors({ fickle: { url: fickle.url } }, [
    { path: '/m/', upstreams: ['fickle'], mirror: { rules } },
  ]);
  try {
    const came = await mirrored.server.curl('/m/a').catch(() => undefined);
    assert.notEqual(came?.status, 200);
    assert.equal((await mirrored.server.curl('/o/mirror/a')).status, 404);
  } finally {
    await mirrored.stop();
    fickle.close();
  }
});

test('a redirect of more steps than are allowed is not followed', async () => {
  for (let step = 0; step < 5; step++) leads[`step${step}`] = `/step${step + 1}`;
  assertProblem(await server.curl('/redirecting/step0'), 502, 'upstream-unusable');
  assert.equal((await server.curl('/redirecting/step2')).body.toString(), 'own Bearer a-secret-of-ours');
});

test('a redirect to another server that is named is followed, without the token', async () => {
  leads.far = `${elsewhere.url}far`;
  leads.farther = `http://a.localhost:${elsewhere.port}/farther`;
  assert.equal((await server.curl('/trusting/far')).body.toString(), 'elsewhere without a token');
  assert.equal((await server.curl('/trusting/own')).body.toString(), 'own Bearer a-secret-of-ours');
});

for (const path of [
  '/..%2f..%2fetc/passwd',
  '/%2e%2e/%2e%2e/x',
  '/a%00b',
  '/a%0d%0aX:y',
  '/a%5c..%5cb',
  '/%ff',
])
  test(`a path that leads out of the mirror, or is no name, asks no upstream: ${path}`, async () => {
    const before = redirecting.asked.length;
    const { status } = await server.curl(`/trusting${path}`);
    assert.ok([400, 404, 308].includes(status), `${status}`);
    assert.equal(redirecting.asked.length, before);
  });

test('what would be a query, a fragment or a host is a name for the upstream', async () => {
  for (const name of ['a%3Fb', 'a%23b', '%40host', 'a%25b', 'http:%2F%2Fx'])
    await server.curl(`/trusting/q/${name}?ignored=1`);
  assert.deepEqual(redirecting.asked.slice(-5), [
    'GET /q/a%3Fb',
    'GET /q/a%23b',
    'GET /q/%40host',
    'GET /q/a%25b',
    'GET /q/http%3A/x',
  ]);
});
