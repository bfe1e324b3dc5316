// The kernel's cipher implementations: which one runs for kernel TLS. The processor's AES instructions help
// only if the kernel has a driver that uses them; /proc/crypto shows the driver it chose (crypto(7)).

import type { KtlsCapability } from '../native/addon.ts';
import { kernelFile } from './files.ts';
import type { Finding } from './finding.ts';

const area = 'kernel TLS';

/** The kernel's algorithm name for each cipher of kernel TLS. */
const algorithms: Record<string, RegExp> = {
  'AES-128-GCM': /^gcm\(aes\)$/,
  'AES-256-GCM': /^gcm\(aes\)$/,
  'ChaCha20-Poly1305': /^rfc7539\(chacha20,poly1305\)$/,
  'AES-128-CCM': /^ccm\(aes\)$/,
};
/** Drivers in plain C. `generic-gcm-aesni` is not one: there, `generic` means nonces of any length. */
const plain = /(aes|ghash|chacha20|poly1305|chacha|cbcmac)-(generic|fixed-time|soft)/;

export interface KernelDriver {
  name: string;
  driver: string;
  priority: number;
}

/** The drivers in /proc/crypto that passed their self-test and are not internal. */
export function driversIn(text: string): KernelDriver[] {
  return text.split('\n\n').flatMap((entry) => {
    const field = (name: string) => new RegExp(`^${name} *: (.*)$`, 'm').exec(entry)?.[1] ?? '';
    if (field('selftest') !== 'passed' || field('internal') === 'yes') return [];
    return [{ name: field('name'), driver: field('driver'), priority: Number(field('priority')) }];
  });
}

/** The driver that the kernel uses for a cipher: the one with the highest priority. */
export function driverFor(cipher: string, drivers: KernelDriver[]): KernelDriver | undefined {
  const fits = drivers.filter(({ name }) => algorithms[cipher]?.test(name));
  return fits.sort((a, b) => b.priority - a.priority)[0];
}

const isPlain = ({ driver }: KernelDriver) => plain.test(driver);

/**
 * One finding for each cipher that works. Must run after the ciphers were tried, because the kernel
 * instantiates most drivers when they are first used.
 */
export function cryptoFindings(matrix: KtlsCapability[], text = kernelFile('/proc/crypto') ?? ''): Finding[] {
  const ciphers = [...new Set(matrix.filter(({ works }) => works).map(({ cipher }) => cipher))];
  const drivers = driversIn(text);
  return ciphers.map((cipher) => {
    const found = driverFor(cipher, drivers);
    if (!found) {
      return {
        area,
        severity: 'info',
        found: `${cipher}: /proc/crypto does not name what the kernel runs`,
      };
    }
    if (!isPlain(found)) {
      return { area, severity: 'ok', found: `${cipher}: the kernel runs ${found.driver}` };
    }
    return {
      area,
      severity: 'warn',
      found: `${cipher}: the kernel runs ${found.driver}, in plain C`,
      meaning: 'In the kernel this cipher takes many times the CPU that it takes in OpenSSL.',
      remedy:
        "load one with instructions ('modprobe aesni_intel'; on arm64 'modprobe aes_ce_blk ghash_ce'), " +
        'or leave the cipher out of ktls.ciphers',
    };
  });
}
