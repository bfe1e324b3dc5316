// What kernel TLS can do on this host, found by trying it, compared with what the operator asked for.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { addon, type KtlsCapability, type KtlsMode, type NetDevice } from '../native/addon.ts';

/**
 * The kernel TLS mode that this host's network devices permit. A device with tls-hw-record on makes whole
 * TLS records itself, invisible to the kernel, so kernel TLS is switched off beside it. Throws when the
 * configuration requires kernel TLS.
 */
export function modeBeside(devices: NetDevice[], ktls: Config['ktls'], log: Logger): KtlsMode {
  const device = devices.find(({ features }) => features['tls-hw-record'].startsWith('on'));
  if (!device || ktls.mode === 'off' || ktls.forceHwRecord) return ktls.mode;
  const cure = `run 'ethtool -K ${device.name} tls-hw-record off', or set ktls.forceHwRecord`;
  if (ktls.mode === 'require')
    throw new Error(`ktls.mode is "require", but ${device.name} has tls-hw-record on: ${cure}`);
  log.warn({ device: device.name }, `no kernel TLS beside tls-hw-record; ${cure}`);
  return 'off';
}

/**
 * Probes kernel TLS, logs the result and returns it; with mode `off` nothing is probed. Throws with the
 * reason when kernel TLS is required and the kernel cannot send with any cipher.
 */
export function checkKtls(mode: KtlsMode, log: Logger): KtlsCapability[] {
  if (mode === 'off') return [];
  const matrix = addon.probeKtls();
  if (matrix.some(({ direction, works }) => direction === 'tx' && works)) {
    log.info({ ktls: matrix.map(describe) }, 'kernel TLS is there');
  } else if (mode === 'require') {
    throw new Error(`ktls.mode is "require", but this kernel has no kernel TLS: ${failures(matrix)}`);
  } else {
    log.info({ reason: failures(matrix) }, 'no kernel TLS: all TLS is in userspace');
  }
  return matrix;
}

/** Whether any direction can use kernel TLS here. `reason` says why not, and is empty when it works. */
export function ktlsSummary(mode: KtlsMode, matrix: KtlsCapability[]): { works: boolean; reason: string } {
  if (mode === 'off') return { works: false, reason: 'ktls.mode is off' };
  const works = matrix.some((each) => each.works);
  return { works, reason: works ? '' : `this kernel has no kernel TLS: ${failures(matrix)}` };
}

function failures(matrix: KtlsCapability[]): string {
  const reasons = new Set(matrix.filter(({ works }) => !works).map(({ failure }) => failure));
  return [...reasons].join('; ') || 'nothing could be tried';
}

function describe({ protocol, cipher, direction, works, rekeys, failure }: KtlsCapability): string {
  const result = works ? (rekeys ? 'works, rekeys' : 'works, no rekey') : failure;
  return `${protocol} ${cipher} ${direction}: ${result}`;
}
