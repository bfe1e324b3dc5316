// A client sends a request with its body and closes without reading the response, as some encoders do: every
// complete upload is stored.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { converse, putAndLeave } from './support.ts';

const rare = 'ECDHE-ECDSA-AES128-SHA256';
const tls = { certificate: './tls/certificate.pem', key: './tls/key.pem', ciphers: `${rare}:HIGH` };
const site = await createSite({
  tls: { ...tls, cipherSuites: 'TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256' },
});
const log = join(site.dir, 'access.log');
const server = await TestServer.start(site, '--workers', '2', '--access-log', log);
const ca = await readFile(site.certificate);
after(async () => {
  await server.stop();
  await site.remove();
});

const port = Number(new URL(server.url).port);
const clients: Record<string, ConnectionOptions> = {
  'TLS 1.2': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
  'TLS 1.3': { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' },
  [rare]: { maxVersion: 'TLSv1.2', ciphers: rare },
  TLS_AES_128_CCM_8_SHA256: { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_CCM_8_SHA256' },
};
const sizes = [1024, 16 * 1024, 80 * 1024, 1024 * 1024];
const each = 25;

for (const [client, options] of Object.entries(clients)) {
  for (const size of sizes) {
    test(`${each} of ${each} uploads of ${size} bytes are stored, ${client}`, async () => {
      const body = randomBytes(size);
      const digest = createHash('sha256').update(body).digest('hex');
      const names = Array.from(
        { length: each },
        (_, i) => `/o/files/${client.replaceAll(' ', '')}/${size}/${i}`,
      );
      await Promise.all(names.map((name) => putAndLeave({ ...options, ca, port }, name, site.token, body)));
      for (const name of names) {
        const answer = async () => await server.curl(name, '-I');
        const { headers } = await until(answer, ({ status }) => status === 200, name);
        assert.match(headers.get('etag') ?? '', new RegExp(digest));
      }
    });
  }
}

test('an incomplete upload is counted and logged', async () => {
  const before = await server.metric('sealgate_uploads_lost_total');
  const socket = connect({ ...clients['TLS 1.3'], ca, port, host: '127.0.0.1', servername: 'localhost' });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const fields = [`Host: localhost`, `Authorization: Bearer ${site.token}`, 'Content-Length: 1000'];
  socket.write(`PUT /o/files/cut HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\nhalf`);
  await until(
    () => server.metric('sealgate_connections{state="receiving"}'),
    (n) => n === 1,
    'receiving',
  );
  socket.destroy();
  await until(
    () => server.metric('sealgate_uploads_lost_total'),
    (n) => n === before + 1,
    'lost uploads',
  );
  const lines = async () =>
    (await readFile(log, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const found = await until(
    async () => (await lines()).find(({ target }) => target === '/o/files/cut'),
    (line) => line !== undefined,
    'its line',
  );
  assert.deepEqual([found.status, found.received, found.cut], [499, 4, true]);
});

test('tickets are sent with the response to the first request without a body', async () => {
  const session = converse(server.url, site, '-tls1_3', '-msg', '-crlf');
  const fields = ['Host: localhost', `Authorization: Bearer ${site.token}`];
  const answer = /HTTP\/1\.1 20\d/;
  const send = (...lines: string[]) => {
    for (const line of lines) session.type(line);
  };
  const put = ['PUT /o/files/a HTTP/1.1', ...fields, 'Content-Length: 3', '', 'a'];
  const get = ['GET /o/files/a HTTP/1.1', ...fields, ''];
  for (const [index, request] of [put, put, get, get].entries()) {
    send(...request);
    await session.shows(answer, index + 1);
  }
  session.type('Q');
  const { stdout } = await session.ended();
  const tickets = (said: string) =>
    [...said.matchAll(/<<< TLS 1\.3, Handshake .*, NewSessionTicket/g)].length;
  const second = [...stdout.matchAll(new RegExp(answer, 'g'))][1]?.index ?? 0;
  assert.equal(tickets(stdout.slice(0, second)), 0, 'none before the answers to uploads');
  assert.equal(tickets(stdout), 2);
});
