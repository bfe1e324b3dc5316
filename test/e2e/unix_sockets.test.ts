// Listeners at the path of a unix socket: served as others are, with TLS and in the clear; who connects has
// no address, and is called `unix:` by the log, the lists of sites and what trusts proxies.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request } from '../support/wire.ts';

const site = await createSite({
  workers: 2,
  buckets: { web: 'versioned' },
  log: { access: 'access.log' },
  trustedProxies: { from: ['unix:'] },
  sites: [
    { host: 'open.test', bucket: 'web' },
    { host: 'deny.test', bucket: 'web', deny: ['unix:'] },
    { host: 'allow.test', bucket: 'web', allow: ['unix:'] },
    { host: 'others.test', bucket: 'web', allow: ['127.0.0.1'] },
    { host: '*', path: '/up/', protocol: 'objects' },
  ],
  listeners: [
    'http://127.0.0.1:0',
    'unix:./plain.sock',
    {
      url: 'unix:./tls.sock',
      tls: true,
      mode: '0660',
      ...(process.geteuid?.() === 0 && { owner: 'nobody' }),
    },
    { url: 'unix:./proxied.sock', proxyProtocol: { from: ['unix:'] } },
    { url: 'unix:./strangers.sock', proxyProtocol: { from: ['127.0.0.1'] } },
  ],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});
const content = Buffer.alloc(3 * 2 ** 20, 'sealgate ');
const file = join(site.dir, 'a.txt');
await writeFile(file, content);
const at = (name: string) => join(site.dir, `${name}.sock`);

async function curl(socket: string, url: string, ...args: string[]): Promise<[status: string, body: string]> {
  const shown = ['-sS', '--max-time', '60', '--unix-socket', socket, '--cacert', site.certificate];
  const { stdout, stderr } = await outcome(spawn('curl', [...shown, '-w', '%{http_code}', ...args, url]));
  assert.equal(stderr, '');
  return [stdout.slice(-3), stdout.slice(0, -3)];
}

const lines = async () => (await readFile(join(site.dir, 'access.log'), 'utf8')).split('\n');
async function logged(target: string): Promise<{ peer: string; via?: string }> {
  const found = await until(
    async () => (await lines()).find((line) => line.includes(`"${target}"`)),
    (line) => line !== undefined,
    `the line of ${target}`,
  );
  return JSON.parse(found ?? '');
}

/** What comes back to these bytes until the other side closes. */
async function sent(socket: string, bytes: string): Promise<string> {
  const wire = connect(socket);
  let out = '';
  wire.on('data', (piece) => {
    out += piece.toString('latin1');
  });
  const ended = new Promise((resolve) => wire.on('close', resolve));
  wire.on('error', () => {});
  wire.end(bytes, 'latin1');
  await ended;
  return out;
}

test('uploads and downloads in the clear and over TLS, by HTTP/1.1 and HTTP/2', async () => {
  assert.deepEqual(
    server.urls.slice(1),
    ['plain', 'tls', 'proxied', 'strangers'].map((name) => `unix:${at(name)}`),
  );
  for (const [name, scheme] of [
    ['plain', 'http'],
    ['tls', 'https'],
  ] as const) {
    for (const version of ['--http1.1', scheme === 'http' ? '--http2-prior-knowledge' : '--http2']) {
      const token = ['-H', `Authorization: Bearer ${site.token}`];
      const put = await curl(at(name), `${scheme}://localhost/up/o/web/a.txt`, version, '-T', file, ...token);
      assert.match(put[0], /^20[01]$/);
      const target = `/up/o/web/a.txt?${name}${version}`;
      const [status, body] = await curl(at(name), `${scheme}://localhost${target}`, version);
      assert.equal(status, '200');
      assert.equal(body, content.toString());
      const { peer, via } = await logged(target);
      assert.deepEqual([peer, via], ['unix:', undefined]);
    }
  }
});

test("the file's mode and owner are as the configuration says, else the server's alone", () => {
  const [plain, tls] = [statSync(at('plain')), statSync(at('tls'))];
  assert.equal(plain.mode & 0o777, 0o600);
  assert.equal(tls.mode & 0o777, 0o660);
  if (process.geteuid?.() === 0) assert.notEqual(tls.uid, plain.uid);
});

test('sites that allow or deny unix: go by it, and an address in such a list is none of them', async () => {
  for (const [host, status] of [
    ['open', '200'],
    ['allow', '200'],
    ['deny', '403'],
    ['others', '403'],
  ])
    assert.equal((await curl(at('plain'), `http://${host}.test/a.txt`, '-I'))[0], status, host);
});

test('trustedProxies from unix: the client is the one that X-Forwarded-For names', async () => {
  for (const said of ['192.0.2.9', '192.0.2.9, unix:']) {
    const target = `/a.txt?${encodeURIComponent(said)}`;
    await curl(at('plain'), `http://open.test${target}`, '-I', '-H', `X-Forwarded-For: ${said}`);
    assert.deepEqual((({ peer, via }) => [peer, via])(await logged(target)), ['192.0.2.9', 'unix:']);
  }
  const [status] = await curl(
    at('plain'),
    'http://deny.test/a.txt',
    '-I',
    '-H',
    'X-Forwarded-For: 192.0.2.9',
  );
  assert.equal(status, '200');
  await fetch(`${server.url}/up/a?direct`, { headers: { 'X-Forwarded-For': '192.0.2.9' } });
  assert.equal((await logged('/up/a?direct')).peer, '127.0.0.1');
});

test('a PROXY header over the socket names the client, where from has unix:', async () => {
  const asked = request('GET', '/a.txt?header', 'Host: deny.test', 'Range: bytes=0-3', 'Connection: close');
  const answer = await sent(at('proxied'), `PROXY TCP4 192.0.2.7 127.0.0.1 4242 443\r\n${asked}`);
  assert.match(answer, /^HTTP\/1\.1 206 .*\r\n\r\nseal$/s);
  assert.equal((await logged('/a.txt?header')).peer, '192.0.2.7');
  const own = await sent(at('proxied'), `PROXY UNKNOWN\r\n${asked}`);
  assert.match(own, /^HTTP\/1\.1 403 /);
});

test('a PROXY header over the socket, where from has addresses alone: closed as a stranger', async () => {
  const strangers = () => server.metric('sealgate_proxy_headers_total{outcome="stranger"}');
  const before = await strangers();
  const asked = request('GET', '/a.txt', 'Host: open.test');
  assert.equal(await sent(at('strangers'), `PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n${asked}`), '');
  assert.equal((await strangers()) - before, 1);
});

test('config show: what it prints gives the same listeners', async () => {
  const { stdout } = await outcome(spawnCli(['config', 'show', '--config', site.config]));
  const copy = join(site.dir, 'copy.json');
  await writeFile(copy, stdout);
  const again = await outcome(spawnCli(['config', 'show', '--config', copy]));
  assert.equal(again.stdout, stdout, again.stderr);
  const shown = JSON.parse(stdout).listeners;
  assert.equal(shown[1], `unix:${at('plain')}`);
  assert.deepEqual([shown[2].tls, shown[2].mode], [true, '0660']);
});

/** A site with a listener at a path and one on a port; and its server, which the caller stops. */
async function single(listener: unknown): Promise<Site> {
  return createSite({ workers: 1, listeners: ['http://127.0.0.1:0', listener] });
}

test('a killed server leaves its socket; the next one replaces it, and removes it at its end', async () => {
  const own = await single('unix:./own.sock');
  const path = join(own.dir, 'own.sock');
  try {
    const killed = await TestServer.start(own);
    await killed.stop('SIGKILL');
    assert.ok(existsSync(path));
    const next = await TestServer.start(own);
    assert.match((await curl(path, 'http://localhost/none'))[0], /^404$/);
    assert.equal(await next.stop(), 0);
    assert.ok(!existsSync(path));
  } finally {
    await own.remove();
  }
});

test('the socket of a living server: no start, and the other one goes on with it', async () => {
  const other = await single(`unix:${at('plain')}`);
  try {
    await assert.rejects(
      TestServer.start(other),
      /unix:.*plain\.sock: another process listens there; end it/,
    );
    assert.equal((await curl(at('plain'), 'http://open.test/a.txt', '-I'))[0], '200');
  } finally {
    await other.remove();
  }
});

test('a file that is no socket, and a folder that is not there: no start', async () => {
  for (const [path, why] of [
    ['a.txt', /a\.txt: there is a file that is no socket; remove it, or name another path/],
    ['none/x.sock', /none\/x\.sock: its folder does not exist; make it/],
  ] as const) {
    const other = await single(`unix:${join(site.dir, path)}`);
    await assert.rejects(TestServer.start(other), why);
    await other.remove();
  }
  assert.deepEqual(await readFile(file), content);
});

test('a server that ends leaves a file that took the place of its socket', async () => {
  const own = await single('unix:./own.sock');
  const path = join(own.dir, 'own.sock');
  try {
    const first = await TestServer.start(own);
    // As somebody would who takes a running server for gone.
    await unlink(path);
    await writeFile(path, 'precious');
    assert.equal(await first.stop(), 0);
    assert.equal(await readFile(path, 'utf8'), 'precious');
  } finally {
    await own.remove();
  }
});

test('a process takes over: each request is answered, and the last one removes the socket', async () => {
  const own = await single('unix:./own.sock');
  const path = join(own.dir, 'own.sock');
  try {
    let serving = await TestServer.start(own);
    let asking = true;
    let answered = 0;
    const lost: string[] = [];
    const load = (async () => {
      while (asking) {
        const answer = await sent(path, request('GET', '/none', 'Host: a.test', 'Connection: close'));
        if (answer.startsWith('HTTP/1.1 404 ')) answered += 1;
        else lost.push(answer);
      }
    })();
    const enough = async (more: number) => {
      const wanted = answered + more;
      await until(
        () => answered + lost.length,
        (now) => now >= wanted,
        'answers',
      );
    };
    for (let count = 0; count < 2; count++) {
      await enough(100);
      const next = await TestServer.start(own, '--replace');
      assert.equal(await serving.ended(), 0, serving.log());
      assert.ok(existsSync(path));
      await enough(100);
      serving = next;
    }
    asking = false;
    await load;
    assert.deepEqual(lost, []);
    const without = ['--listen', 'http://127.0.0.1:0'];
    const last = await TestServer.start(own, '--replace', ...without);
    assert.equal(await serving.ended(), 0);
    assert.ok(!existsSync(path), 'no listener of the last one has it');
    assert.equal(await last.stop(), 0);
    const again = await TestServer.start(own);
    const replaced = await TestServer.start(own, '--replace');
    await again.ended();
    assert.equal(await replaced.stop(), 0);
    assert.ok(!existsSync(path));
  } finally {
    await own.remove();
  }
});

test('a process that fails to take over leaves the socket, and the old one serves it', async () => {
  const own = await single('unix:./own.sock');
  const path = join(own.dir, 'own.sock');
  const server = await TestServer.start(own);
  try {
    const wrong = join(own.dir, 'wrong.json');
    const written = JSON.parse(await readFile(own.config, 'utf8'));
    await writeFile(wrong, JSON.stringify({ ...written, buckets: { files: 'versioned' } }));
    await assert.rejects(TestServer.start({ ...own, config: wrong }, '--replace'), /declared is versioned/);
    assert.equal((await curl(path, 'http://localhost/none'))[0], '404');
  } finally {
    await server.stop();
    await own.remove();
  }
});
