// Independent TLS clients with kernel TLS in both directions: the connection is kept, KeyUpdates are
// answered, and it ends with close_notify.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { outcome, text } from '../support/runtime.ts';
import type { Site, TestServer } from '../support/server.ts';
import { openssl, sample, startServer, tlsStat } from './support.ts';

const size = 2 ** 20;
let site: Site;
let server: TestServer;
let path: string;
let bytes: Buffer;

before(async () => {
  ({ site, server } = await startServer('ktls-txrx'));
  ({ path, bytes } = await sample(site, server, 'large.bin', size));
});
after(async () => {
  await server.stop();
  await site.remove();
});

const request = (fields = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`;

test('Node: two responses on one connection, then close_notify', async () => {
  const { hostname, port } = new URL(server.url);
  const ca = readFileSync(site.certificate);
  const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'secureConnect');
  socket.write(request() + request('Connection: close\r\n'));
  await once(socket, 'end');
  const all = Buffer.concat(pieces);
  const first = all.indexOf('\r\n\r\n') + 4;
  assert.ok(all.subarray(first, first + size).equals(bytes));
  assert.ok(all.subarray(-size).equals(bytes));
});

// In s_client, K sends a KeyUpdate that requests one from the server, k one that does not.
for (const letter of ['K', 'k']) {
  test(`openssl s_client: a KeyUpdate by command ${letter} is followed by a response`, async () => {
    const client = openssl(server, '-tls1_3', '-CAfile', site.certificate);
    // A kernel that cannot replace keys ends the connection after the response to HEAD.
    client.stdin?.on('error', () => {});
    const said = text(client.stdout);
    const errors = text(client.stderr);
    const arrived = async (count: number) => {
      while (said().split('HTTP/1.1 200').length <= count) await once(client.stdout ?? assert.fail(), 'data');
    };
    client.stdin?.write(request('Range: bytes=0-99\r\n').replace('200', '206'));
    while (!said().includes('HTTP/1.1 206')) await once(client.stdout ?? assert.fail(), 'data');
    client.stdin?.write(`${letter}\n`);
    while (!errors().includes('KEYUPDATE') && !said().includes('KEYUPDATE'))
      await Promise.race([
        once(client.stderr ?? assert.fail(), 'data'),
        once(client.stdout ?? assert.fail(), 'data'),
      ]);
    client.stdin?.write(`HEAD ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await arrived(1);
    client.stdin?.write('Q\n');
    const { status } = await outcome(client);
    assert.equal(status, 0);
  });
}

test('gnutls-cli: after a rekey the response arrives', async () => {
  const { port } = new URL(server.url);
  const args = ['--inline-commands', `--x509cafile=${site.certificate}`, '-p', port, 'localhost'];
  const client = spawn('gnutls-cli', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = text(client.stdout);
  const until = async (what: string) => {
    while (!said().includes(what)) await once(client.stdout, 'data');
  };
  await until('Simple Client Mode');
  client.stdin.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\n\r\n`);
  await until('206 Partial');
  client.stdin.write('^rekey^\n');
  await until('Rekey');
  client.stdin.write(`HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  await until('200 OK');
  client.stdin.end();
  await outcome(client);
});

test('openssl s_client: a resumed session also moves into the kernel', async () => {
  for (const version of ['-tls1_3', '-tls1_2']) {
    const saved = `${site.dir}/session${version}`;
    const visit = async (...args: string[]) => {
      const client = openssl(server, version, '-ign_eof', ...args);
      client.stdin?.write(request('Connection: close\r\n'));
      return (await outcome(client)).stdout;
    };
    assert.match(await visit('-sess_out', saved), /\nNew, /);
    const before = tlsStat('TlsTxSw');
    const said = await visit('-sess_in', saved);
    assert.match(said, /\nReused, /);
    assert.match(said, /HTTP\/1\.1 200 OK/);
    assert.equal(tlsStat('TlsTxSw') - before, 1);
  }
});

test('openssl s_client: a client with max_fragment_length stays with OpenSSL, which is counted', async () => {
  const client = openssl(server, '-ign_eof', '-maxfraglen', '1024');
  client.stdin?.write(request('Connection: close\r\n'));
  assert.match((await outcome(client)).stdout, /HTTP\/1\.1 200 OK/);
  assert.equal(await server.metric('sealgate_ktls_fallbacks_total{reason="record-size-limit"}'), 1);
});
