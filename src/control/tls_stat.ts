// What the kernel counts of TLS in this network namespace, beside what this server gave it to do
// (Documentation/networking/tls.rst, "Statistics").

import { readFileSync } from 'node:fs';
import type { Counters } from '../native/addon.ts';

const file = '/proc/net/tls_stat';

/** By name, as `TlsTxSw`; empty when this kernel has no kernel TLS. */
export function readTlsStat(): Record<string, number> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return Object.fromEntries(lines.filter(([name]) => name).map(([name, value]) => [name, Number(value)]));
}

export function lessAtStart(
  now: Record<string, number>,
  atStart: Record<string, number>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - (atStart[name] ?? 0)]));
}

/** Keys by direction: all that the kernel took since the server began, less those that the server gave. */
export class TlsStat {
  readonly #atStart = readTlsStat();

  read(): Record<string, number> {
    return readTlsStat();
  }

  /** What was counted since the server began. */
  sinceStart(): Record<string, number> {
    return lessAtStart(readTlsStat(), this.#atStart);
  }

  /**
   * 0 when this server alone uses kernel TLS here. More: other programs do. Less: keys that we count were
   * never installed.
   */
  unaccounted(now: Record<string, number>, engine: Counters): Record<'tx' | 'rx', number> {
    const since = (...names: string[]) =>
      names.reduce((sum, name) => sum + (now[name] ?? 0) - (this.#atStart[name] ?? 0), 0);
    return {
      tx: since('TlsTxSw', 'TlsTxDevice') - (engine.ktls_switched ?? 0),
      rx: since('TlsRxSw', 'TlsRxDevice') - (engine.ktls_switched_rx ?? 0),
    };
  }
}
