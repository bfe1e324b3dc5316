// A certificate replaced on disk is used for new handshakes, by itself or after a request to the control
// plane; open connections continue. An invalid pair is refused with the reason, and the old one stays in use.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { makeAuthority, makeLeaf, type Pair, replacePair } from '../support/certificates.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

let site: Site;
let server: TestServer;
let authority: Pair;
let inUse: Pair;

before(async () => {
  site = await createSite();
  authority = await makeAuthority(site.dir, 'authority');
  inUse = { certificate: site.certificate, key: site.certificate.replace('certificate.pem', 'key.pem') };
  server = await TestServer.start(site, '--workers', '2');
});
after(async () => {
  await server.stop();
  await site.remove();
});

async function open(): Promise<TLSSocket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}

async function served(): Promise<string> {
  const socket = await open();
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

const reload = () => fetch(`${server.control}/tls/reload`, { method: 'POST' });

test('POST /tls/reload: a pair replaced on disk is used for new handshakes', async () => {
  const before = await open();
  await replacePair(inUse, await makeLeaf(site.dir, authority, { subject: '/CN=second' }));
  assert.equal((await reload()).status, 204);
  await until(served, (name) => name === 'second', 'the certificate served');
  before.write('OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n');
  const [answer] = await once(before, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 204/);
  before.destroy();
});

test('POST /tls/reload with a wrong key is refused, and the old pair stays in use', async () => {
  const other = await makeLeaf(site.dir, authority, { subject: '/CN=third' });
  await writeFile(inUse.certificate, await readFile(other.certificate));
  const answer = await reload();
  assert.equal(answer.status, 422);
  assert.match(answer.headers.get('content-type') ?? '', /application\/problem\+json/);
  assert.match((await answer.json()).detail, /key/);
  assert.equal(await served(), 'second');
  await replacePair(inUse, other);
});

for (const file of ['certificate', 'key'] as const) {
  test(`a ${file} that is no PEM is named in the answer`, async () => {
    const good = await readFile(inUse[file]);
    await writeFile(inUse[file], 'no PEM');
    const said = `tls.${file}: ${inUse[file]}: expected a PEM `;
    const { detail } = await (await reload()).json();
    await writeFile(inUse[file], good);
    assert.ok(detail.includes(said), detail);
  });
}

test('a pair replaced on disk is used without a reload request', async () => {
  await until(served, (name) => name === 'third', 'the certificate served');
});
