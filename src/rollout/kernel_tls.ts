// What this kernel can do for TLS, found out by trying, and what the operator asked for.

import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { addon, type KtlsCapability, type KtlsMode, type NetDevice } from '../native/addon.ts';

/**
 * The mode that is possible beside this host's network devices: a device that makes whole records, below the
 * kernel's sight (TLS_HW_RECORD), turns kernel TLS off. Throws when it is required.
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
 * Logs and returns what was found; nothing is tried when it is off. Throws the reason when kernel TLS is
 * required and the kernel sends with no cipher at all.
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

/** Whether anything can go by kernel TLS here; reason is empty when it can. */
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
