// Client certificates: one that the configured CA issued is accepted and grants the scopes of its subject;
// any other fails the handshake.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { makeAuthority, makeLeaf, type Pair } from '../support/certificates.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

let site: Site;
let required: TestServer;
let optional: TestServer;
let writer: Pair;
let reader: Pair;
let stranger: Pair;
let file: string;

before(async () => {
  site = await createSite();
  const authority = await makeAuthority(site.dir, 'clients');
  const elsewhere = await makeAuthority(site.dir, 'elsewhere');
  writer = await makeLeaf(site.dir, authority, { subject: '/O=Example/CN=writer' });
  reader = await makeLeaf(site.dir, authority, { subject: '/O=Example/CN=reader' });
  stranger = await makeLeaf(site.dir, elsewhere, { subject: '/O=Example/CN=writer-elsewhere' });
  file = join(site.dir, 'file');
  await writeFile(file, 'content');
  const base = JSON.parse(await readFile(site.config, 'utf8'));
  base.auth = { clients: [{ subject: 'CN=writer,O=Example', scopes: ['write:files'] }] };
  required = await start(base, 'required', './store');
  optional = await start(base, 'optional', './other-store');
});
after(async () => {
  await required.stop();
  await optional.stop();
  await site.remove();
});

async function start(base: { tls: object }, verify: string, store: string): Promise<TestServer> {
  const config = join(site.dir, `${verify}.json`);
  const tls = { ...base.tls, clients: { verify, ca: './clients.pem' } };
  await writeFile(config, JSON.stringify({ ...base, store, tls }));
  return TestServer.start({ ...site, config }, '--workers', '1');
}

const as = ({ certificate, key }: Pair) => ['--cert', certificate, '--key', key];
const upload = (server: TestServer, name: string, ...args: string[]) =>
  server.curl(`/o/files/${name}`, '-T', file, ...args);

test('a client certificate grants the scopes of its subject', async () => {
  assert.equal((await upload(required, 'a', ...as(writer))).status, 201);
  assert.equal((await upload(required, 'b', ...as(reader))).status, 401);
  assert.equal((await required.curl('/o/files/a', ...as(reader))).body.toString(), 'content');
});

test('a resumed session keeps the scopes of the client certificate', async () => {
  const twice = ['--next', ...as(writer), '--cacert', site.certificate, '-T', file];
  const url = `${required.url}/o/files/c`;
  assert.equal((await upload(required, 'c', ...as(writer), ...twice, url)).status, 200);
});

test('verify required: no certificate, or one of another CA, fails the handshake', async () => {
  await assert.rejects(required.curl('/o/files/a'), /curl/);
  await assert.rejects(required.curl('/o/files/a', ...as(stranger)), /curl/);
  await assert.rejects(optional.curl('/o/files/a', ...as(stranger)), /curl/);
  assert.ok((await required.metric('sealgate_channel_errors_total{class="certificate"}')) > 0);
});

test('verify optional: a client without a certificate may use a token', async () => {
  assert.equal((await optional.put('/o/files/a', file)).status, 201);
  assert.equal((await upload(optional, 'b', ...as(writer))).status, 201);
  assert.equal((await upload(optional, 'c')).status, 401);
});

test('where reads take a token, a subject that may read is answered from kept plans', async () => {
  const base = JSON.parse(await readFile(site.config, 'utf8'));
  const clients = [
    { subject: 'CN=writer,O=Example', scopes: ['write:files'] },
    { subject: 'CN=reader,O=Example', scopes: ['read:files'] },
  ];
  const settings = { auth: { reads: 'token', clients }, sentinel: { intervalSeconds: 0 } };
  const server = await start({ ...base, ...settings }, 'optional', './closed-store');
  try {
    assert.equal((await upload(server, 'a', ...as(writer))).status, 201);
    const hits = () => server.metric('sealgate_plan_cache_hits_total');
    const read = async () => {
      const answer = await server.curl('/o/files/a', ...as(reader));
      assert.equal(answer.body.toString(), 'content');
      return hits();
    };
    // While the server is busy the application answers, alike.
    await until(read, (count) => count > 0, 'the reader is answered from a kept plan');
    const before = await hits();
    assert.equal((await server.curl('/o/files/a', ...as(writer))).status, 401);
    assert.equal((await server.curl('/o/files/a')).status, 401);
    assert.equal(await hits(), before);
  } finally {
    await server.stop();
  }
});
