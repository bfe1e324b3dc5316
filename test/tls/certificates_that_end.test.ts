// Warnings and metrics about certificates: their expiry, expiry within 30 days, and keys that others can
// read.

import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { after, test } from 'node:test';
import { makeAuthority, makeLeaf, replacePair } from '../support/certificates.ts';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const day = 86_400_000;
const site = await createSite();
const pair = { certificate: site.certificate, key: site.certificate.replace('certificate.pem', 'key.pem') };
const authority = await makeAuthority(site.dir, 'authority');
await replacePair(pair, await makeLeaf(site.dir, authority, { subject: '/CN=ends', days: 10 }));
await chmod(pair.key, 0o644);
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

/** Days until the certificate expires, according to the metric. */
async function left(): Promise<number> {
  const ends = await server.metric('sealgate_certificate_expiry_timestamp_seconds');
  return (ends * 1000 - Date.now()) / day;
}

test('a certificate that expires in 10 days: warning and metric at the start', async () => {
  await until(
    async () => server.log(),
    (log) => log.includes('a certificate expires soon'),
    'the warning',
  );
  assert.ok(Math.abs((await left()) - 10) < 0.1);
});

test('a key file readable by others: warning at the start', async () => {
  await until(
    async () => server.log(),
    (log) => log.includes('others may read or change it'),
    'the warning',
  );
});

test('a new certificate of 30 days: the metric follows, without a further warning', async () => {
  const before = server.log().length;
  await replacePair(pair, await makeLeaf(site.dir, authority, { subject: '/CN=stays' }));
  await until(left, (days) => Math.abs(days - 30) < 0.1, 'the end of the new one');
  await until(
    async () => server.log(),
    (log) => log.includes('certificates replaced'),
    'the new one in use',
  );
  assert.ok(!server.log().slice(before).includes('expires soon'));
});
