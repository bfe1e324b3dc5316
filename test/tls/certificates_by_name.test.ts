// The certificate is chosen by the name that the client asks for, wildcards included, and of two with the
// same names the one whose key the client can verify. A stapled OCSP response goes with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { makeAuthority, makeLeaf, makeOcspResponse, type Pair } from '../support/certificates.ts';
import { outcome } from '../support/runtime.ts';
import { createSite, type Site, TestServer } from '../support/server.ts';

let site: Site;
let server: TestServer;
let authority: Pair;

before(async () => {
  site = await createSite();
  authority = await makeAuthority(site.dir, 'authority');
  const leaf = (subject: string, names: string[], kind: 'ec' | 'rsa' = 'ec') =>
    makeLeaf(site.dir, authority, { subject, names, kind });
  const one = await leaf('/CN=one', ['one.example.test']);
  const wild = await leaf('/CN=wild', ['*.wild.test']);
  const wildRsa = await leaf('/CN=wild-rsa', ['*.wild.test'], 'rsa');
  const several = await leaf('/CN=several', ['a.several.test', 'b.several.test']);
  const severalRsa = await leaf('/CN=several-rsa', ['b.several.test', 'a.several.test'], 'rsa');
  const wide = await leaf('/CN=wide', ['a.wide.test', 'b.wide.test']);
  const wideRsa = await leaf('/CN=wide-rsa', ['b.wide.test'], 'rsa');
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  config.tls.certificates = [
    { ...one, ocsp: await makeOcspResponse(site.dir, authority, one) },
    wild,
    wildRsa,
    several,
    severalRsa,
    wide,
    { ...wideRsa, ocsp: await makeOcspResponse(site.dir, authority, wideRsa) },
  ];
  await writeFile(site.config, JSON.stringify(config));
  server = await TestServer.start(site, '--workers', '1');
});
after(async () => {
  await server.stop();
  await site.remove();
});

/** What openssl(1) says of a handshake. */
async function handshake(...args: string[]): Promise<string> {
  const client = spawn('openssl', ['s_client', '-connect', new URL(server.url).host, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return (await outcome(client)).stdout;
}

const subject = (said: string) => /^subject=(.*)$/m.exec(said)?.[1];

test('a name of a certificate gets it', async () => {
  assert.equal(subject(await handshake('-servername', 'one.example.test')), 'CN = one');
});

test('a name is the same with the dot of the root behind it, and in any case', async () => {
  assert.equal(subject(await handshake('-servername', 'One.Example.TEST')), 'CN = one');
  assert.equal(subject(await handshake('-servername', 'one.example.test.')), 'CN = one');
  assert.equal(subject(await handshake('-servername', 'a.wild.test.')), 'CN = wild');
  assert.match(subject(await handshake('-servername', '.')) ?? '', /localhost/);
});

test('a name under a wildcard gets its certificate, in one level', async () => {
  assert.equal(subject(await handshake('-servername', 'a.wild.test')), 'CN = wild');
  assert.match(subject(await handshake('-servername', 'a.b.wild.test')) ?? '', /localhost/);
});

test('a client that verifies RSA alone gets the twin with an RSA key', async () => {
  const said = await handshake('-servername', 'a.wild.test', '-sigalgs', 'RSA-PSS+SHA256');
  assert.equal(subject(said), 'CN = wild-rsa');
});

test('any other name, and none, gets the first certificate', async () => {
  assert.match(subject(await handshake('-servername', 'other.test')) ?? '', /localhost/);
  assert.match(subject(await handshake('-noservername')) ?? '', /localhost/);
});

test('the OCSP response is stapled where there is one', async () => {
  const args = ['-status', '-CAfile', authority.certificate];
  assert.match(await handshake('-servername', 'one.example.test', ...args), /Cert Status: good/);
  assert.match(await handshake('-servername', 'a.wild.test', ...args), /OCSP response: no response sent/);
});

for (const [name, ec, rsa] of [
  ['a.several.test', 'several', 'several-rsa'],
  ['b.wide.test', 'wide', 'wide-rsa'],
]) {
  test(`${name} has a certificate of each kind, though their names are not listed alike`, async () => {
    assert.equal(subject(await handshake('-servername', `${name}`)), `CN = ${ec}`);
    const said = await handshake('-servername', `${name}`, '-sigalgs', 'RSA-PSS+SHA256');
    assert.equal(subject(said), `CN = ${rsa}`);
  });
}

test('the OCSP response that is stapled is about the certificate that was sent', async () => {
  const args = ['-status', '-servername', 'b.wide.test', '-CAfile', authority.certificate];
  assert.match(await handshake(...args), /OCSP response: no response sent/);
  assert.match(await handshake(...args, '-sigalgs', 'RSA-PSS+SHA256'), /Cert Status: good/);
});
