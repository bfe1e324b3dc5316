// Network devices: whether TLS offload is supported, and whether it is on.

import { addon, type NetDevice } from '../native/addon.ts';
import type { Finding } from './finding.ts';

const area = 'network devices';

export function deviceFindings(): Finding[] {
  return addon.netDevices().flatMap(findingsOf);
}

/**
 * Whether TLS offload is on for any device. If not, the server need not ask the kernel which keys a device
 * has.
 */
export function anyOffload(devices: NetDevice[] = addon.netDevices()): boolean {
  return devices.some(({ features }) => Object.values(features).some((each) => each.startsWith('on')));
}

function findingsOf({ name, driver, up, features, statistics }: NetDevice): Finding[] {
  if (!up || name === 'lo') return [];
  const { 'tls-hw-tx-offload': tx, 'tls-hw-rx-offload': rx, 'tls-hw-record': record } = features;
  const states = `tls-hw-tx-offload ${tx}, tls-hw-rx-offload ${rx}, tls-hw-record ${record}`;
  const found = `${name} (${driver || 'no driver'}): ${states}`;
  const findings: Finding[] = [{ area, ...meaningOf(name, features), found }];
  const trouble = Object.entries(statistics).filter(([key, n]) => n > 0 && /resync|drop|err|fail/.test(key));
  if (trouble.length > 0) {
    findings.push({
      area,
      severity: 'warn',
      found: `${name}: ${trouble.map(([key, count]) => `${key} ${count}`).join(', ')}`,
      meaning: 'The device loses its place in TLS streams, and the processor does its work a second time.',
      remedy: `compare with it off: 'ethtool -K ${name} tls-hw-tx-offload off tls-hw-rx-offload off'`,
    });
  }
  return findings;
}

function meaningOf(
  name: string,
  { 'tls-hw-tx-offload': tx, 'tls-hw-rx-offload': rx, 'tls-hw-record': record }: NetDevice['features'],
): Omit<Finding, 'area' | 'found'> {
  if (record.startsWith('on')) {
    return {
      severity: 'fail',
      meaning:
        'The device would make whole TLS records itself, unseen by the kernel: no counter, firewall or ' +
        'retransmission of the kernel sees them. Sealgate does not use kernel TLS beside it.',
      remedy: `run 'ethtool -K ${name} tls-hw-record off', or set "ktls": {"forceHwRecord": true}`,
    };
  }
  if (tx.startsWith('on') || rx.startsWith('on')) {
    return {
      severity: 'info',
      meaning:
        'The kernel gives this device every key that it can take, asked or not. Phase hw-offload of ' +
        'a rollout ' +
        'is the one that means it.',
      remedy: `before that phase: 'ethtool -K ${name} tls-hw-tx-offload off tls-hw-rx-offload off'`,
    };
  }
  return { severity: 'ok', meaning: 'The processor encrypts.' };
}
