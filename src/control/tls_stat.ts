// The kernel's TLS statistics for this network namespace (Documentation/networking/tls.rst, "Statistics"),
// compared with the keys that this server installed.

import { readFileSync } from 'node:fs';
import type { Counters } from '../native/addon.ts';

const file = '/proc/net/tls_stat';

/** Counts by name, for example `TlsTxSw`; empty when this kernel has no kernel TLS. */
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

/** The kernel's statistics relative to those at the start of the server. */
export class TlsStat {
  readonly #atStart = readTlsStat();

  read(): Record<string, number> {
    return readTlsStat();
  }

  /** Counts since the server began. */
  sinceStart(): Record<string, number> {
    return lessAtStart(readTlsStat(), this.#atStart);
  }

  /**
   * Keys that the kernel counted since the start, minus those that this server installed. 0: only this
   * server uses kernel TLS here. Positive: other programs use it too. Negative: the server counts keys that
   * were never installed.
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
