// Listeners whose connections begin with a PROXY header: it names the client by its address, for the access
// log, the lists of sites and the ids of requests. What is no header, and what strangers send, is not served.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const proxyProtocol = { from: ['127.0.0.0/31', '::1'] };
const site = await createSite({
  workers: 1,
  buckets: { web: 'versioned' },
  log: { access: 'access.log' },
  limits: { proxyTimeout: 1500 },
  requestIds: { trust: ['198.51.100.0/24'] },
  sites: [
    { host: 'open.test', bucket: 'web' },
    { host: 'deny.test', bucket: 'web', deny: ['192.0.2.0/24', '2001:db8::/32'] },
    { host: 'up.test', protocol: 'objects' },
  ],
  listeners: [
    { url: 'http://127.0.0.1:0', proxyProtocol },
    { url: 'https://127.0.0.1:0', proxyProtocol },
    { url: 'http://127.0.0.1:0', http2: false, proxyProtocol },
    'http://127.0.0.1:0',
  ],
});
const server = await TestServer.start(site);
const [plain = '', tls = '', http1 = '', direct = ''] = server.urls;
after(async () => {
  await server.stop();
  await site.remove();
});

await writeFile(join(site.dir, 'a.txt'), 'hello');
// A command beside the server talks to the listener that takes no headers.
process.env.SEALGATE_TOKEN = site.token;
await runCli('put', join(site.dir, 'a.txt'), 'web/a.txt', '--config', site.config);

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** A header of version 2. */
function binary(command: number, family: number, rest: Buffer | string): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(rest.length);
  return Buffer.concat([signature, Buffer.from([command, family]), size, Buffer.from(rest)]);
}
const v4 = Buffer.from([192, 0, 2, 7, 127, 0, 0, 1, 1, 2, 3, 4]);
const v6 = Buffer.concat([Buffer.from('20010db8000000000000000000000009', 'hex'), Buffer.alloc(20, 1)]);

interface Logged {
  peer: string;
  target?: string;
  request: string;
}

let asked = 0;
/** A target that nothing else in the log has. */
const marker = () => `/a.txt?${++asked}`;

async function logged(target: string): Promise<Logged> {
  const text = () => readFile(join(site.dir, 'access.log'), 'utf8').catch(() => '');
  const lines = async () => (await text()).split('\n').filter((line) => line.includes(`"${target}"`));
  const [line = ''] = await until(lines, ({ length }) => length === 1, `the line of ${target}`);
  return JSON.parse(line);
}

const outcomes = (outcome: string) => server.metric(`sealgate_proxy_headers_total{outcome="${outcome}"}`);

const headers: [what: string, header: Buffer | string, peer: string][] = [
  ['version 1, IPv4', 'PROXY TCP4 192.0.2.7 127.0.0.1 4242 443\r\n', '192.0.2.7'],
  ['version 1, IPv6', 'PROXY TCP6 2001:db8::9 ::1 4242 443\r\n', '2001:db8::9'],
  ['version 1 of no known family', 'PROXY UNKNOWN\r\n', '127.0.0.1'],
  ['version 2, IPv4', binary(0x21, 0x11, v4), '192.0.2.7'],
  [
    'version 2, IPv6, TLVs',
    binary(0x21, 0x21, Buffer.concat([v6, Buffer.from('\x01\0\x02h2')])),
    '2001:db8::9',
  ],
  ['version 2, of a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), '127.0.0.1'],
  ['version 2, LOCAL', binary(0x20, 0x11, v4), '127.0.0.1'],
];
for (const [what, header, peer] of headers) {
  test(`${what}: the log has ${peer}, and a site judges by it`, async () => {
    for (const url of [plain, http1]) {
      const wire = await Wire.open(url);
      wire.send(header);
      const target = marker();
      assert.equal((await wire.get(target, 'Host: open.test')).status, 200);
      assert.equal((await wire.get('/a.txt', 'Host: deny.test')).status, peer === '127.0.0.1' ? 200 : 403);
      wire.close();
      assert.equal((await logged(target)).peer, peer);
    }
  });
}

test('a header in single bytes, and one in a segment with the request: both are read', async () => {
  const header = Buffer.from(binary(0x21, 0x11, v4));
  const targets = [marker(), marker()];
  const whole = Buffer.concat([header, Buffer.from(request('GET', targets[0] ?? '', 'Host: open.test'))]);
  const together = await Wire.open(plain);
  together.send(whole);
  assert.equal((await together.response()).status, 200);
  together.close();
  const wire = await Wire.open(plain);
  wire.socket.setNoDelay(true);
  for (const byte of header) {
    wire.send(Buffer.from([byte]));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await wire.get(targets[1] ?? '', 'Host: open.test')).status, 200);
  wire.close();
  for (const target of targets) assert.equal((await logged(target)).peer, '192.0.2.7');
});

test('TLS behind the header: served, as the client that it names', async () => {
  const target = marker();
  const secure = ['--cacert', site.certificate, '--haproxy-protocol', '--http2', '--ipv4'];
  const shown = ['-sS', '-o', '/dev/null', '-w', '%{http_code} %{http_version}', '-H', 'Host: open.test'];
  const url = `https://localhost:${new URL(tls).port}${target}`;
  const { stdout } = await outcome(spawn('curl', [...secure, ...shown, url]));
  assert.equal(stdout, '200 2');
  assert.equal((await logged(target)).peer, '127.0.0.1');
});

test('the id of a request counts where it is the named client that may give it', async () => {
  const given = 'X-Request-Id: given-1';
  for (const [client, counts] of [
    ['198.51.100.9', true],
    ['192.0.2.7', false],
  ] as const) {
    const wire = await Wire.open(plain);
    wire.send(`PROXY TCP4 ${client} 127.0.0.1 1 2\r\n`);
    const { headers: fields } = await wire.get(marker(), 'Host: open.test', given);
    assert.equal(fields.get('x-request-id') === 'given-1', counts, client);
    wire.close();
  }
});

const wrong: [what: string, bytes: Buffer | string][] = [
  ['a request without a header', request('GET', '/a.txt', 'Host: open.test')],
  ['a TLS record', Buffer.from([22, 3, 1, 2, 0, 1])],
  ['a line that is too long', `PROXY TCP4 ${'1'.repeat(120)}`],
  ['a family that is none', binary(0x21, 0x41, v4)],
  ['datagrams', binary(0x21, 0x12, v4)],
  ['another version', binary(0x11, 0x11, v4)],
  ['an unknown command', binary(0x22, 0x11, v4)],
  ['addresses of another length', binary(0x21, 0x21, v4)],
  ['an address that is none', 'PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n'],
  ['a port that is none', 'PROXY TCP4 192.0.2.7 127.0.0.1 1 65536\r\n'],
  ['a TLV that leaves the header', binary(0x21, 0x11, Buffer.concat([v4, Buffer.from('\x01\0\x09h2')]))],
  ['a wrong checksum', binary(0x21, 0x11, Buffer.concat([v4, Buffer.from('\x03\0\x04abcd')]))],
  ['a header without an end', Buffer.concat([signature, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
];
for (const [what, bytes] of wrong) {
  test(`${what}: closed without a word, over TLS too`, async () => {
    const before = await outcomes('malformed');
    for (const url of [plain, tls.replace('https:', 'http:')]) {
      const wire = await Wire.open(url);
      wire.send(bytes);
      const { by, rest } = await wire.ended();
      assert.notEqual(by, 'silence');
      assert.equal(rest, '');
    }
    assert.equal((await outcomes('malformed')) - before, 2);
  });
}

test('a second header is no request, and names nobody', async () => {
  const wire = await Wire.open(plain);
  const first = marker();
  wire.send('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n');
  assert.equal((await wire.get(first, 'Host: open.test')).status, 200);
  wire.send(`PROXY TCP4 198.51.100.9 127.0.0.1 1 2\r\n${request('GET', marker(), 'Host: open.test')}`);
  assert.equal((await wire.response()).status, 501);
  wire.close();
  const lines = async () => (await readFile(join(site.dir, 'access.log'), 'utf8')).split('\n');
  const bad = await until(lines, (all) => all.some((line) => line.includes('"status":501')), 'the refusal');
  assert.equal(JSON.parse(bad.find((line) => line.includes('"status":501')) ?? '').peer, '192.0.2.7');
});

test('a stranger with a faultless header: closed, and the log of the server says so', async () => {
  const before = await outcomes('stranger');
  const wire = await Wire.open(plain, undefined, '127.0.0.2');
  wire.socket.on('error', () => {});
  wire.send(`PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n${request('GET', '/a.txt', 'Host: open.test')}`);
  assert.equal((await wire.ended()).rest, '');
  assert.equal((await outcomes('stranger')) - before, 1);
  await until(server.log, (log) => log.includes('listener with proxyProtocol'), 'the warning');
});

test('a header that does not come, or does not end: closed in time, whatever trickles', async () => {
  const before = await outcomes('late');
  const silent = await Wire.open(plain);
  const slow = await Wire.open(tls.replace('https:', 'http:'));
  slow.send('PROXY UNKNOWN ');
  const timer = setInterval(() => slow.send('x'), 100);
  for (const wire of [silent, slow]) assert.equal((await wire.ended()).rest, '');
  clearInterval(timer);
  assert.equal((await outcomes('late')) - before, 2);
});

test('a client that leaves in its header: counted, and nothing is kept of it', async () => {
  const before = await outcomes('cut');
  const wire = await Wire.open(plain);
  wire.socket.end('PROXY TCP4 192.0');
  assert.equal((await wire.ended()).rest, '');
  assert.equal((await outcomes('cut')) - before, 1);
  const waiting = () => server.metric('sealgate_connections{state="proxy"}');
  await until(waiting, (open) => open === 0, 'connections without a header');
});

test('a listener without the setting reads no header', async () => {
  const wire = await Wire.open(direct);
  wire.send('PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n');
  assert.equal((await wire.response()).status, 501);
  wire.close();
});

test('headers on all listeners: the server starts and warns, and commands beside it say why', async () => {
  const shut = await createSite({ listeners: [{ url: 'http://127.0.0.1:0', proxyProtocol }] });
  const file = join(shut.dir, 'a.txt');
  await writeFile(file, 'hello');
  const alone = await TestServer.start(shut);
  try {
    assert.match(alone.log(), /listeners: each has proxyProtocol or is a unix socket/);
    const put = await outcome(spawnCli(['put', file, 'files/a.txt', '--config', shut.config]));
    assert.notEqual(put.status, 0);
    assert.match(
      put.stderr,
      /no listener with a port and without proxyProtocol, so commands beside it cannot reach/,
    );
    const { stdout } = await outcome(spawnCli(['config', 'show', '--config', shut.config]));
    assert.deepEqual(JSON.parse(stdout).listeners, [{ url: 'http://127.0.0.1:0', proxyProtocol }]);
  } finally {
    await alone.stop();
    await shut.remove();
  }
});
