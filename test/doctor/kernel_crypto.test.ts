// The driver that the kernel uses for a cipher is read from /proc/crypto, with samples from hosts with and
// without drivers for AES instructions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cryptoFindings, driverFor, driversIn } from '../../src/doctor/kernel_crypto.ts';
import type { KtlsCapability } from '../../src/native/addon.ts';

const entry = (name: string, driver: string, priority: number, more = '') =>
  `name         : ${name}\ndriver       : ${driver}\nmodule       : kernel\npriority     : ${priority}\n` +
  `refcnt       : 1\nselftest     : passed\ninternal     : no\ntype         : aead\n${more}`;

const generic = entry('gcm(aes)', 'gcm_base(ctr(aes-generic),ghash-generic)', 100);
const aesni = entry('gcm(aes)', 'generic-gcm-aesni', 400);
const simd = entry('rfc7539(chacha20,poly1305)', 'rfc7539(chacha20-simd,poly1305-simd)', 300);

function capability(cipher: KtlsCapability['cipher']): KtlsCapability {
  return { protocol: 'TLSv1.3', cipher, direction: 'tx', works: true, rekeys: true, failure: '' };
}

test('AES-GCM in plain C in the kernel: warning with a remedy', () => {
  const [found] = cryptoFindings([capability('AES-128-GCM')], generic);
  assert.equal(found?.severity, 'warn');
  assert.match(
    found?.found ?? '',
    /AES-128-GCM: the kernel runs gcm_base\(ctr\(aes-generic\),ghash-generic\)/,
  );
  assert.match(found?.remedy ?? '', /modprobe aesni_intel/);
});

test('the driver with the highest priority is reported', () => {
  const text = [generic, aesni, simd].join('\n');
  assert.equal(driverFor('AES-256-GCM', driversIn(text))?.driver, 'generic-gcm-aesni');
  const found = cryptoFindings([capability('AES-256-GCM'), capability('ChaCha20-Poly1305')], text);
  assert.deepEqual(
    found.map(({ severity }) => severity),
    ['ok', 'ok'],
  );
});

test('a driver that failed its self-test, or that is internal, is ignored', () => {
  const failed = aesni.replace('passed', 'unknown');
  const internal = aesni.replace('internal     : no', 'internal     : yes');
  assert.equal(driverFor('AES-128-GCM', driversIn([generic, failed, internal].join('\n')))?.priority, 100);
});

test('a cipher missing in /proc/crypto: reported as unknown', () => {
  const [found] = cryptoFindings([capability('AES-128-CCM')], generic);
  assert.equal(found?.severity, 'info');
});
