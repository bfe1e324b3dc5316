// RolloutMetrics: gauges about the kernel TLS rollout: its state, its share of the traffic, the guard's
// verdict and the kernel's own statistics.

import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import { phases } from '../config/rollout.ts';
import type { Counters } from '../native/addon.ts';
import type { GuardStatus } from '../rollout/guard.ts';
import type { Operation } from '../rollout/operation.ts';
import { sumOf, valuesUnder } from '../rollout/samples.ts';
import type { SentinelStatus } from '../rollout/sentinel.ts';
import { cpuPerByte, kernelShare } from '../rollout/traffic.ts';
import type { TlsStat } from './tls_stat.ts';

const verdicts: GuardStatus['verdict'][] = ['insufficient', 'alike', 'hold', 'worse'];

export class RolloutMetrics {
  readonly #registry: Registry<OpenMetricsContentType>;
  readonly #tlsStat: TlsStat;
  readonly #gauges = new Map<string, Gauge>();

  constructor(registry: Registry<OpenMetricsContentType>, tlsStat: TlsStat) {
    this.#registry = registry;
    this.#tlsStat = tlsStat;
  }

  update(
    engine: Counters,
    operation: Pick<Operation, 'rollout' | 'guard' | 'samples'>,
    sentinel?: SentinelStatus,
  ): void {
    const { rollout, guard } = operation;
    const view = rollout.view();
    for (const gauge of this.#gauges.values()) gauge.reset();
    this.#set('rollout_phase', '1 for the current phase of the rollout.', 1, { phase: view.phase });
    this.#set(
      'rollout_phase_number',
      'Current phase as a number: 0 is instrument.',
      phases.indexOf(view.phase),
    );
    this.#set(
      'rollout_percent',
      'Percentage of the slice’s connections that are in the canary.',
      view.percent,
    );
    const changed = Date.parse(view.changed.at) / 1000;
    this.#set('rollout_changed_timestamp_seconds', 'Time of the last change of the rollout.', changed);
    if (view.rollback) {
      const help = 'Time from the last rollback until the last connection still moved into the kernel.';
      this.#set('rollback_last_new_connection_seconds', help, view.rollback.lastNewConnectionSeconds);
    }
    this.#addGuard(guard.status());
    this.#addShares(engine);
    this.#addRecent(operation);
    this.#addKernel(engine);
    if (sentinel) this.#addSentinel(sentinel);
  }

  #addSentinel({ ways, damagedBlobs }: SentinelStatus): void {
    for (const [way, results] of Object.entries(ways)) {
      for (const [result, count] of Object.entries(results)) {
        const help = 'The sentinel’s fetches from this server by path: same, failed or mismatched.';
        this.#set('sentinel_fetches', help, count, { way, result });
      }
    }
    this.#set('sentinel_damaged_blobs', 'Blobs that the sentinel found changed on disk.', damagedBlobs);
  }

  #addGuard({ verdict, rollbacks, comparisons }: GuardStatus): void {
    const help = '1 for the guard’s current verdict about the canary.';
    for (const each of verdicts)
      this.#set('guard_verdict', help, Number(each === verdict), { verdict: each });
    this.#set('guard_rollbacks', 'Rollbacks by the guard since the server began.', rollbacks);
    for (const { metric, canary, control, p } of comparisons) {
      const value = 'Compared value over the window: per response (errors, cut), s, or CPU s per byte.';
      this.#set('guard_value', value, canary, { metric, group: 'canary' });
      this.#set('guard_value', value, control, { metric, group: 'control' });
      this.#set('guard_p_value', 'Probability of the difference if the groups were equal.', p, { metric });
    }
  }

  #addShares(engine: Counters): void {
    const connections = Object.keys(valuesUnder(engine, 'tls_connections.'));
    const ways = new Set(connections.map((name) => name.replace(/\/\w+$/, '')));
    for (const way of ways) {
      const [protocol = '', cipher = '', direction = ''] = way.split('/');
      const by = (owner: string) => engine[`tls_connections.${way}/${owner}`] ?? 0;
      // After its handshake every connection is in userspace first: OpenSSL's or the engine's.
      const all = by('openssl') + by('engine');
      if (all === 0) continue;
      const moved = by('kernel');
      const help = 'Share of TLS connections that moved into the kernel, 0 to 1.';
      this.#set('ktls_activation_ratio', help, moved / all, { protocol, cipher, direction });
    }
    const { sent, received } = kernelShare(engine);
    for (const [direction, { ratio }] of Object.entries({ tx: sent, rx: received })) {
      const help = 'Share of bytes over TLS that the kernel protected, since the start.';
      if (ratio !== undefined) this.#set('ktls_bytes_ratio', help, ratio, { direction });
    }
  }

  // From the samples of the last minutes, so that it shows the current state, not the average since the
  // start.
  #addRecent({ samples }: Pick<Operation, 'samples'>): void {
    const lately = sumOf(samples.intervals());
    for (const [path, seconds] of Object.entries(cpuPerByte(lately))) {
      const help = 'CPU time of delivery threads per byte sent, by path, over the last minutes.';
      this.#set('cpu_seconds_per_byte', help, seconds, { path });
    }
    const { sent, received } = kernelShare(lately);
    for (const [direction, { ratio }] of Object.entries({ tx: sent, rx: received })) {
      const help = 'Share of bytes over TLS that the kernel protected, over the last minutes.';
      if (ratio !== undefined) this.#set('ktls_recent_bytes_ratio', help, ratio, { direction });
    }
  }

  #addKernel(engine: Counters): void {
    const stat = this.#tlsStat.read();
    for (const [name, value] of Object.entries(stat)) {
      this.#set('kernel_tls_stat', 'Counts of /proc/net/tls_stat, which cover all programs.', value, {
        name,
      });
    }
    if (Object.keys(stat).length === 0) return;
    for (const [direction, keys] of Object.entries(this.#tlsStat.unaccounted(stat, engine))) {
      const help = 'Keys installed in the kernel since the start by other programs than this server.';
      this.#set('kernel_tls_unaccounted_keys', help, keys, { direction });
    }
  }

  #set(name: string, help: string, value: number, labels: Record<string, string> = {}): void {
    let gauge = this.#gauges.get(name);
    if (!gauge) {
      const labelNames = Object.keys(labels);
      gauge = new Gauge({ name: `sealgate_${name}`, help, labelNames, registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }
}
