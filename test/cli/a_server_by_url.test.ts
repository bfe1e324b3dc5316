// Commands with --server reach a server on another host by its URL, trusting the CA of --cacert; every
// failure is reported in one sentence.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/store.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1', '--listen', 'https://127.0.0.1:0');
const elsewhere = await temporaryFolder();
const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 7919) & 255));
const digest = createHash('sha256').update(bytes).digest('hex');
const file = join(elsewhere, 'file.bin');
await writeFile(file, bytes);
const tokenFile = join(elsewhere, 'token');
await writeFile(tokenFile, site.token, { mode: 0o600 });
after(async () => {
  await server.stop();
  await site.remove();
});
// In another folder, so that no configuration file is found.
const spawn = (args: string[], env: Record<string, string> = {}) =>
  spawnCli(args, { cwd: elsewhere, env: { ...process.env, ...env } });
const remote = ['--server', server.url, '--cacert', site.certificate];

async function cli(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await outcome(spawn([...args, ...remote]));
  assert.equal(status, 0, stderr);
  return stdout;
}

test('put, stat, ls, get, cp and rm with --server work as on a local store', async () => {
  const put = await cli('put', file, 'files/a b/ü.bin', '--token-file', tokenFile);
  assert.equal(put, `files/a b/ü.bin created sha256:${digest} 500000 bytes\n`);
  const { lastModified, ...about } = JSON.parse(await cli('stat', 'files/a b/ü.bin', '--json'));
  const mediaType = 'application/octet-stream';
  assert.deepEqual(about, { ref: 'files/a b/ü.bin', digest, size: 500_000, mediaType });
  const listed = JSON.parse(await cli('ls', 'files', '--json'));
  assert.deepEqual(
    [listed.bucket, listed.name, listed.digest, listed.lastModified.slice(0, 19)],
    ['files', 'a b/ü.bin', digest, lastModified.slice(0, 19)],
  );
  for (const ref of ['files/a b/ü.bin', `sha256:${digest}`]) {
    await cli('get', ref, '--output', join(elsewhere, 'got'));
    assert.ok((await readFile(join(elsewhere, 'got'))).equals(bytes));
  }
  await cli('cp', 'files/a b/ü.bin', 'files/copy', '--token-file', tokenFile);
  const folders = await cli('ls', 'files', '--json', '--delimiter', '/');
  assert.deepEqual(
    folders
      .trimEnd()
      .split('\n')
      .map((line) => Object.keys(JSON.parse(line))[1]),
    ['prefix', 'name'],
  );
  await cli('rm', 'files/copy', '--token-file', tokenFile);
  const { status, stderr } = await outcome(spawn(['get', 'files/copy', ...remote]));
  assert.deepEqual(
    [status, /^sealgate: \S+: The name was deleted\. \(410\)\n$/.test(stderr)],
    [1, true],
    stderr,
  );
});

test('SEALGATE_SERVER and SEALGATE_TOKEN replace the flags', async () => {
  const env = { SEALGATE_TOKEN: site.token, SEALGATE_SERVER: server.url };
  const { status, stdout } = await outcome(
    spawn(['put', file, 'files/env', '--cacert', site.certificate], env),
  );
  assert.deepEqual([status, stdout.startsWith('files/env created ')], [0, true]);
});

const silent = createTcpServer((socket) => socket.end('no TLS here\r\n')).listen(0, '127.0.0.1');
after(() => silent.close());
await once(silent, 'listening');
const nobody = createTcpServer().listen(0, '127.0.0.1');
await once(nobody, 'listening');
const closed = (nobody.address() as AddressInfo).port;
nobody.close();
const other = join(elsewhere, 'other.pem');
execFileSync('openssl', [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
  ...['-subj', '/CN=other', '-keyout', join(elsewhere, 'other.key'), '-out', other],
]);

const faults: [string, string[], number, RegExp][] = [
  ['no CA', ['--server', server.url], 1, /signed by nobody known here; [^\n]*--cacert/],
  [
    'another CA',
    ['--server', server.url, '--cacert', other],
    1,
    /signed by nobody known here; [^\n]*--cacert/,
  ],
  ['no server', ['--server', `https://127.0.0.1:${closed}`], 1, /no server answers there/],
  ['no TLS', ['--server', `https://127.0.0.1:${(silent.address() as AddressInfo).port}`], 1, /127\.0\.0\.1/],
  ['no URL', ['--server', 'files.example.org'], 2, /expected https:\/\/HOST:PORT/],
  ['a path', ['--server', `${server.url}/o/files`], 2, /expected https:\/\/HOST:PORT/],
  [
    'a CA file that is not there',
    [...remote.slice(0, 2), '--cacert', '/nonexistent'],
    1,
    /\/nonexistent: does not/,
  ],
  [
    'a CA file that is none',
    [...remote.slice(0, 2), '--cacert', file],
    1,
    /file\.bin: holds no PEM certificate/,
  ],
  [
    'a token file that is none',
    [...remote, '--token-file', file],
    1,
    /file\.bin: expected one token on one line/,
  ],
];
for (const [what, args, expected, said] of faults) {
  test(`${what}: status ${expected} and a sentence`, async () => {
    const { status, stdout, stderr } = await outcome(spawn(['stat', 'files/env', ...args]));
    assert.deepEqual([status, stdout], [expected, ''], stderr);
    assert.match(stderr, said);
    assert.doesNotMatch(stderr, /\n {4}at |Error:/);
  });
}

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

// A plain HTTP server that is not Sealgate and sends prepared responses.
async function against<T>(answering: Answering, work: (url: string) => Promise<T>): Promise<T> {
  const standIn = createServer(answering).listen(0, '127.0.0.1');
  await once(standIn, 'listening');
  try {
    return await work(`http://127.0.0.1:${(standIn.address() as AddressInfo).port}`);
  } finally {
    standIn.closeAllConnections();
    standIn.close();
  }
}
const head = { etag: `"${digest}"`, 'content-length': String(bytes.length) };

test('get resumes a download that is cut off several times', async () => {
  const ranges: string[] = [];
  const output = join(elsewhere, 'resumed');
  const cutting: Answering = (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    ranges.push(request.headers.range ?? '');
    const size = bytes.length - from;
    response.writeHead(from === 0 ? 200 : 206, { ...head, 'content-length': String(size) });
    response.write(bytes.subarray(from, from + 200_000), () => setTimeout(() => response.destroy(), 50));
    if (size <= 200_000) response.end();
  };
  const args = ['get', 'files/a', '--output', output, '--server'];
  const { status, stderr } = await against(cutting, (url) => outcome(spawn([...args, url])));
  assert.equal(status, 0, stderr);
  assert.ok((await readFile(output)).equals(bytes));
  assert.ok(ranges.length >= 3, ranges.join());
});

test('get of bytes that do not match the ETag leaves no file', async () => {
  const wrong: Answering = (_, response) =>
    response.writeHead(200, head).end(Buffer.alloc(bytes.length, 'x'));
  const args = ['get', 'files/a', '--output', join(elsewhere, 'wrong'), '--server'];
  const { status, stderr } = await against(wrong, (url) => outcome(spawn([...args, url])));
  assert.equal(status, 1);
  assert.match(stderr, /is damaged: it has SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}\n$/);
  assert.deepEqual(
    (await readdir(elsewhere)).filter((name) => name.startsWith('wrong')),
    [],
  );
});

test('a 503 response is retried a limited number of times', async () => {
  let asked = 0;
  const busy: Answering = (_, response) => {
    asked++;
    response.writeHead(503, { 'retry-after': '0' }).end('{"title":"x","detail":"busy"}');
  };
  const { status, stderr } = await against(busy, (url) => outcome(spawn(['ls', 'files', '--server', url])));
  assert.deepEqual([status, asked], [1, 5]);
  assert.match(stderr, /^sealgate: \S+: busy \(503\)\n$/);
});

test('a server that is not Sealgate is reported as such', async () => {
  const web: Answering = (_, response) => response.writeHead(200).end('<html>');
  const { status, stderr } = await against(web, (url) =>
    outcome(spawn(['stat', 'files/a', '--server', url])),
  );
  assert.equal(status, 1);
  assert.match(stderr, /is it a Sealgate server\?\n$/);
});

test('afterwards the server has logged no error', async () => {
  assert.match(await runCli('ls', 'files', '--config', site.config), / env\n$/);
});
