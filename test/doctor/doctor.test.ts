// The doctor reports what it found, what it means and what to do; its exit status is that of the worst
// finding.

import assert from 'node:assert/strict';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Finding, Severity } from '../../src/doctor/finding.ts';
import { addon } from '../../src/native/addon.ts';
import { makeAuthority } from '../support/certificates.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());

interface Report {
  status: number | null;
  worst: Severity;
  findings: Finding[];
}

async function doctor(...args: string[]): Promise<Report> {
  const { status, stdout, stderr } = await outcome(spawnCli(['doctor', '--json', ...args]));
  assert.equal(stderr.includes('sealgate:'), false, stderr);
  return { status, ...JSON.parse(stdout) };
}

const about = (report: Report, area: string) => report.findings.filter((each) => each.area === area);
const statuses: Record<Severity, number> = { ok: 0, info: 0, warn: 1, fail: 2 };

test('doctor --config checks everything from the kernel to the store', async () => {
  const report = await doctor('--config', site.config);
  const areas = [
    'kernel TLS',
    'processor',
    'limits',
    'container',
    'network',
    'certificates',
    'handshake',
    'store',
  ];
  for (const area of areas) assert.ok(about(report, area).length > 0, area);
  assert.equal(report.status, statuses[report.worst]);
  assert.ok(about(report, 'handshake').some(({ found }) => /^TLSv1\.3, TLS_/.test(found)));
  for (const library of [/^OpenSSL 3\./, /^nghttp2 1\./])
    assert.ok(
      about(report, 'handshake').some(({ found }) => library.test(found) && /sealgate\.node$/.test(found)),
    );
  assert.ok(about(report, 'store').some(({ found }) => /read lease/.test(found)));
});

test('findings with severity warn or fail have a remedy', async () => {
  const report = await doctor('--config', site.config);
  for (const { severity, found, remedy, meaning } of report.findings) {
    if (severity === 'warn' || severity === 'fail') assert.ok(remedy ?? meaning, found);
  }
});

test('a key file readable by others: warning', async () => {
  const key = join(site.dir, 'tls', 'key.pem');
  await chmod(key, 0o644);
  const report = await doctor('--config', site.config);
  await chmod(key, 0o600);
  assert.ok(about(report, 'certificates').some(({ severity, remedy }) => severity === 'warn' && remedy));
  assert.notEqual(report.status, 0);
});

test('a key file of root readable by its group: no warning', async () => {
  const key = join(site.dir, 'tls', 'key.pem');
  await chmod(key, 0o440);
  const of = (await stat(key)).uid;
  const report = await doctor('--config', site.config);
  await chmod(key, 0o600);
  const warned = about(report, 'certificates').some(({ severity }) => severity === 'warn');
  assert.equal(warned, of !== 0);
});

test('an invalid certificate: failure, and no handshake is tried', async () => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const broken = join(site.dir, 'broken.json');
  await writeFile(broken, JSON.stringify({ ...config, tls: { ...config.tls, certificate: './none.pem' } }));
  const report = await doctor('--config', broken);
  assert.equal(report.status, 2);
  assert.equal(about(report, 'certificates')[0]?.severity, 'fail');
  assert.equal(about(report, 'handshake').length, 0);
});

test('a certificate that expires within 30 days: warning', async () => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const pair = await makeAuthority(site.dir, 'month');
  const file = join(site.dir, 'month.json');
  await writeFile(file, JSON.stringify({ ...config, tls: { ...config.tls, ...pair } }));
  const [first] = about(await doctor('--config', file), 'certificates');
  assert.equal(first?.severity, 'warn');
  assert.match(first?.found ?? '', / days left$/);
});

test('ktls.mode require without kernel TLS: failure', async () => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const file = join(site.dir, 'require.json');
  await writeFile(file, JSON.stringify({ ...config, ktls: { mode: 'require' } }));
  const [finding] = about(await doctor('--config', file), 'kernel TLS').filter(({ found }) =>
    found.startsWith('none:'),
  );
  // A host with kernel TLS has no such finding.
  if (!finding) return assert.ok(addon.probeKtls().some(({ works }) => works));
  assert.equal(finding.severity, 'fail');
  assert.match(finding.meaning ?? '', /the server refuses to start/);
  assert.match(finding.remedy ?? '', /"mode": "auto"/);
});

test('a cipher unknown to kernel TLS: warning', async () => {
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const file = join(site.dir, 'cipher.json');
  const tls = {
    ...config.tls,
    ciphers: 'ECDHE-ECDSA-AES128-SHA256',
    cipherSuites: 'TLS_AES_128_CCM_8_SHA256',
  };
  await writeFile(file, JSON.stringify({ ...config, tls }));
  const report = await doctor('--config', file);
  assert.ok(about(report, 'handshake').some(({ severity }) => severity === 'warn' || severity === 'fail'));
});

test('without --json: a list by area with counts at its end', async () => {
  const { stdout } = await outcome(spawnCli(['doctor', '--config', site.config]));
  assert.match(stdout, /\nkernel TLS\n/);
  assert.match(stdout, /\n\d+ ok, \d+ info, \d+ warn, \d+ fail\n$/);
});
