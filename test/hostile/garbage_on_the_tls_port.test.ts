// What is no TLS on the TLS port: HTTP in the clear is told so in the clear, all else gets an alert or
// silence.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { outcome } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const both = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
const server = await TestServer.start(site, '--workers', '1', ...both);
after(async () => {
  await server.stop();
  await site.remove();
});

const [tlsUrl = '', plainUrl = ''] = server.urls;
const clear = tlsUrl.replace('https:', 'http:');
const failed = () => server.metric('sealgate_tls_handshakes_failed_total');

const heads = {
  'a GET': request('GET', '/'),
  'a POST with its body': `${request('POST', '/', 'Content-Length: 100000')}${'x'.repeat(100_000)}`,
  'a head without end': `GET / HTTP/1.1\r\nX: ${'a'.repeat(50_000)}`,
};
for (const [what, bytes] of Object.entries(heads)) {
  test(`${what} in the clear: 400, in the clear`, async () => {
    const wire = await Wire.open(clear);
    wire.send(bytes);
    const refused = await wire.response();
    assertProblem(refused, 400, 'plaintext-on-tls');
    assert.equal(refused.headers.get('connection'), 'close');
    assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
  });
}

test('a GET that comes byte by byte', async () => {
  const wire = await Wire.open(clear);
  for (const byte of heads['a GET']) wire.send(byte);
  assertProblem(await wire.response(), 400, 'plaintext-on-tls');
  wire.close();
});

test('curl http:// on the TLS port shows 400 plaintext-on-tls', async () => {
  const child = spawn('curl', ['-sS', '-w', '%{http_code}', `${clear}/o/files/x`]);
  const { status, stdout } = await outcome(child);
  assert.equal(status, 0);
  assert.match(stdout, /"title":"plaintext-on-tls".*\n400$/);
});

/** A record header: type, version, length. */
const record = (type: number, length: number, body = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from([type, 3, 1, length >> 8, length & 255]), body]);
/** RFC 8446 5.1, 6: a record of two bytes. */
const alert = 21;

const garbage: Record<string, Buffer> = {
  'random bytes': Buffer.concat([Buffer.from([0xff]), randomBytes(4096)]),
  zeros: Buffer.alloc(4096),
  'a handshake record of noise': record(22, 1000, randomBytes(1000)),
  'a record longer than any': record(22, 0xffff, randomBytes(2000)),
  'application data first': record(23, 100, randomBytes(100)),
  'an alert first': record(21, 2, Buffer.from([2, 40])),
  'a ClientHello of SSL 2': Buffer.from('801a0100020011000000100100800200800300800400800500800600', 'hex'),
  'empty records': Buffer.concat(Array(100).fill(record(22, 0))),
};
for (const [what, bytes] of Object.entries(garbage)) {
  test(`${what}: the connection ends, nothing of HTTP is sent`, async () => {
    const before = await failed();
    const wire = await Wire.open(clear);
    wire.send(bytes);
    const { by, rest } = await wire.ended();
    assert.notEqual(by, 'silence');
    if (rest !== '') assert.deepEqual([rest.charCodeAt(0), rest.length], [alert, 7]);
    assert.equal(await failed(), before + 1);
  });
}

test('a connection that ends at once is no more than that', async () => {
  const before = await failed();
  const { hostname, port } = new URL(clear);
  for (let i = 0; i < 20; i++) {
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    socket.destroy();
  }
  await until(failed, (count) => count === before + 20, 'failed handshakes');
});

test('a ClientHello on the plaintext port is no request', async () => {
  const wire = await Wire.open(plainUrl);
  wire.send(record(22, 200, randomBytes(200)));
  assertProblem(await wire.response(), 400, 'head-malformed');
});

test('after garbage on the TLS port the server serves', async () => {
  assert.equal((await server.curl('/')).status, 200);
  const handshaking = () => server.metric('sealgate_connections{state="handshake"}');
  await until(handshaking, (open) => open === 0, 'handshakes under way');
});
