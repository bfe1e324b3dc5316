// Who gets HTTP/2: by ALPN, and in the clear by its preface; nobody where the listener's http2 is false.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { Wire } from '../support/wire.ts';
import { exchange } from '../tls/support.ts';
import { serve } from './support.ts';

const served = await serve();
after(served.stop);
const { server, site, clear } = served;

const alpn = async (at: string, ...args: string[]) => {
  const { stdout } = await exchange(at, site, 'neither\r\n\r\n', ...args);
  return /ALPN protocol: (\S+)/.exec(stdout)?.[1];
};
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const settings = '\0\0\0\x04\0\0\0\0\0';

test('h2 is chosen before http/1.1', async () => {
  assert.equal(await alpn(server.url, '-alpn', 'http/1.1,h2'), 'h2');
  assert.equal(await alpn(server.url, '-alpn', 'h2'), 'h2');
});

test('TLS 1.2 with a cipher that is not good enough: http/1.1', async () => {
  const offer = ['-tls1_2', '-alpn', 'h2,http/1.1', '-cipher'];
  assert.equal(await alpn(server.url, ...offer, 'ECDHE-ECDSA-AES128-SHA256'), 'http/1.1');
  assert.equal(await alpn(server.url, ...offer, 'ECDHE-ECDSA-AES128-GCM-SHA256'), 'h2');
});

test('in the clear: a preface in pieces begins HTTP/2', async () => {
  const wire = await Wire.open(clear);
  for (const piece of [preface.slice(0, 1), preface.slice(1, 16), preface.slice(16), settings]) {
    wire.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  wire.socket.end();
  assert.equal((await wire.ended()).rest.charCodeAt(3), 4);
});

test('in the clear: HTTP/1.1, also when it begins with the letters of the preface', async () => {
  const wire = await Wire.open(clear);
  assert.equal((await wire.get('/o/files/small')).status, 200);
  wire.send('PR');
  await new Promise((resolve) => setTimeout(resolve, 20));
  wire.send('OPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.notEqual((await wire.response()).status, 505);
  wire.close();
  const other = await Wire.open(clear);
  other.send('P');
  await new Promise((resolve) => setTimeout(resolve, 20));
  other.send('UT /o/files/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await other.response()).status, 401);
  other.close();
});

test('half a preface and the end: closed without an answer, as half a head is', async () => {
  const wire = await Wire.open(clear);
  wire.send(preface.slice(0, 20));
  wire.socket.end();
  assert.deepEqual(await wire.ended(), { by: 'end', rest: '' });
});

test('--no-http2: http/1.1 alone, and 505 for the preface', async () => {
  const listen = ['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0'];
  const other = await createSite();
  const alone = await TestServer.start(other, '--workers', '1', '--no-http2', ...listen);
  assert.equal(await alpn(alone.url, '-alpn', 'h2,http/1.1'), 'http/1.1');
  const wire = await Wire.open(alone.urls[1] ?? '');
  wire.send(preface + settings);
  assert.equal((await wire.response()).status, 505);
  wire.close();
  await alone.stop();
  await other.remove();
});
