// HostMetrics: gauges about the host: TLS features of network devices, space on the store's file system,
// expiry of certificates, and how far live connections have used up their keys.

import { statfs } from 'node:fs/promises';
import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import { addon, type ConnectionInfo } from '../native/addon.ts';

/** Most connections of each worker that are examined for key usage. */
const looked = 1000;

export interface Host {
  /** Path of the store's folder. */
  store: string;
  /** Expiry of each certificate in use, by its file, in milliseconds since the epoch. */
  certificates(): ReadonlyMap<string, number>;
  connections(limit: number): Promise<ConnectionInfo[]>;
}

export class HostMetrics {
  readonly #host: Host;
  readonly #features: Gauge;
  readonly #statistics: Gauge;
  readonly #free: Gauge;
  readonly #size: Gauge;
  readonly #ends: Gauge;
  readonly #budget: Gauge;

  constructor(host: Host, registry: Registry<OpenMetricsContentType>) {
    this.#host = host;
    const gauge = (name: string, help: string, ...labelNames: string[]) =>
      new Gauge({ name: `sealgate_${name}`, help, labelNames, registers: [registry] });
    this.#features = gauge(
      'device_tls_feature',
      '1: the TLS feature of the device is on (ethtool -k).',
      'device',
      'feature',
    );
    const help = 'Statistics of the driver about TLS (ethtool -S): contexts, records, resyncs.';
    this.#statistics = gauge('device_tls_statistic', help, 'device', 'name');
    this.#free = gauge('store_free_bytes', 'Free bytes on the file system of the store.');
    this.#size = gauge('store_size_bytes', 'Size of the file system of the store.');
    const ends = 'notAfter of each certificate in use, seconds since the epoch.';
    this.#ends = gauge('certificate_expiry_timestamp_seconds', ends, 'certificate');
    const used = 'Highest share of its key’s usage limit that a live connection has reached, 0 to 1.';
    this.#budget = gauge('tls_key_budget_used_ratio', used);
  }

  async update(): Promise<void> {
    for (const { name: device, features, statistics } of addon.netDevices()) {
      for (const [feature, state] of Object.entries(features))
        this.#features.set({ device, feature }, Number(state.startsWith('on')));
      for (const [name, value] of Object.entries(statistics)) this.#statistics.set({ device, name }, value);
    }
    const { bavail, blocks, bsize } = await statfs(this.#host.store);
    this.#free.set(bavail * bsize);
    this.#size.set(blocks * bsize);
    this.#ends.reset();
    for (const [certificate, ends] of this.#host.certificates()) this.#ends.set({ certificate }, ends / 1000);
    const live = await this.#host.connections(looked);
    this.#budget.set(live.reduce((most, { keyBudgetUsed }) => Math.max(most, keyBudgetUsed), 0));
  }
}
