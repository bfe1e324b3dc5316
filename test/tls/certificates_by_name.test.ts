// The server name (SNI) selects the certificate, wildcards included; of two certificates with the same names,
// the client's signature algorithms select one. The stapled OCSP response belongs to the selected
// certificate.

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

/** The output of openssl s_client for a handshake. */
async function handshake(...args: string[]): Promise<string> {
  const client = spawn('openssl', ['s_client', '-connect', new URL(server.url).host, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return (await outcome(client)).stdout;
}

const subject = (said: string) => /^subject=(.*)$/m.exec(said)?.[1];

test('SNI with a name of a certificate selects that certificate', async () => {
  assert.equal(subject(await handshake('-servername', 'one.example.test')), 'CN = one');
});

test('SNI with a trailing dot or in upper case selects the same certificate', async () => {
  assert.equal(subject(await handshake('-servername', 'One.Example.TEST')), 'CN = one');
  assert.equal(subject(await handshake('-servername', 'one.example.test.')), 'CN = one');
  assert.equal(subject(await handshake('-servername', 'a.wild.test.')), 'CN = wild');
  assert.match(subject(await handshake('-servername', '.')) ?? '', /localhost/);
});

test('a wildcard certificate matches one label, not two', async () => {
  assert.equal(subject(await handshake('-servername', 'a.wild.test')), 'CN = wild');
  assert.match(subject(await handshake('-servername', 'a.b.wild.test')) ?? '', /localhost/);
});

test('a client that verifies only RSA gets the RSA certificate of the name', async () => {
  const said = await handshake('-servername', 'a.wild.test', '-sigalgs', 'RSA-PSS+SHA256');
  assert.equal(subject(said), 'CN = wild-rsa');
});

test('an unknown name, and no SNI, select the first certificate', async () => {
  assert.match(subject(await handshake('-servername', 'other.test')) ?? '', /localhost/);
  assert.match(subject(await handshake('-noservername')) ?? '', /localhost/);
});

test('a configured OCSP response is stapled', async () => {
  const args = ['-status', '-CAfile', authority.certificate];
  assert.match(await handshake('-servername', 'one.example.test', ...args), /Cert Status: good/);
  assert.match(await handshake('-servername', 'a.wild.test', ...args), /OCSP response: no response sent/);
});

for (const [name, ec, rsa] of [
  ['a.several.test', 'several', 'several-rsa'],
  ['b.wide.test', 'wide', 'wide-rsa'],
]) {
  test(`${name} has an ECDSA and an RSA certificate, though each lists other names too`, async () => {
    assert.equal(subject(await handshake('-servername', `${name}`)), `CN = ${ec}`);
    const said = await handshake('-servername', `${name}`, '-sigalgs', 'RSA-PSS+SHA256');
    assert.equal(subject(said), `CN = ${rsa}`);
  });
}

test('the stapled OCSP response is for the certificate that was sent', async () => {
  const args = ['-status', '-servername', 'b.wide.test', '-CAfile', authority.certificate];
  assert.match(await handshake(...args), /OCSP response: no response sent/);
  assert.match(await handshake(...args, '-sigalgs', 'RSA-PSS+SHA256'), /Cert Status: good/);
});
