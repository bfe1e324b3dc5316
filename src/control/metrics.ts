// Metrics: what the server counts, in OpenMetrics text. The engine's totals are taken when somebody asks.

import { Counter, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import type { Counters, KtlsCapability } from '../native/addon.ts';
import type { Operation } from '../rollout/operation.ts';
import type { SentinelStatus } from '../rollout/sentinel.ts';
import { EngineHistogram } from './engine_histogram.ts';
import { type EngineMetric, engineHistograms, engineMetrics, splitCounter } from './engine_metrics.ts';
import { type Host, HostMetrics } from './host_metrics.ts';
import { RolloutMetrics } from './rollout_metrics.ts';
import type { TlsStat } from './tls_stat.ts';

type EngineSeries = Counter | Gauge;

export class Metrics {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #engine = new Map<string, EngineSeries>();
  readonly #histograms = new Map<string, EngineHistogram>();
  readonly #rollout: RolloutMetrics;
  readonly #host: HostMetrics;

  /**
   * @param ktls what the kernel was found to do.
   * @param kernel begun with the server.
   */
  constructor(ktls: KtlsCapability[], host: Host, kernel: TlsStat) {
    this.#registry.setContentType(this.contentType);
    this.#addCapabilities(ktls);
    for (const [key, metric] of Object.entries(engineMetrics)) this.#engine.set(key, this.#series(metric));
    for (const [key, metric] of Object.entries(engineHistograms)) {
      this.#histograms.set(key, new EngineHistogram(metric, this.#registry));
    }
    this.#rollout = new RolloutMetrics(this.#registry, kernel);
    this.#host = new HostMetrics(host, this.#registry);
  }

  /** The exposition. @param engine totals of the server. */
  async text(engine: Counters, operation: Operation, sentinel?: SentinelStatus): Promise<string> {
    for (const series of this.#engine.values()) series.reset();
    for (const [name, value] of Object.entries(engine)) this.#count(name, value);
    for (const [key, histogram] of this.#histograms) histogram.set(key, engine);
    this.#rollout.update(engine, operation, sentinel);
    await this.#host.update();
    return this.#registry.metrics();
  }

  // Facts of this run, not counts: set once.
  #addCapabilities(ktls: KtlsCapability[]): void {
    const labelNames = ['protocol', 'cipher', 'direction'];
    const gauge = (name: string, help: string) =>
      new Gauge({ name, help, labelNames, registers: [this.#registry] });
    const works = gauge('sealgate_ktls_works', '1: kernel TLS moved records intact when it was tried.');
    const rekeys = gauge('sealgate_ktls_rekeys', '1: and again after its key was replaced.');
    for (const { protocol, cipher, direction, ...found } of ktls) {
      works.set({ protocol, cipher, direction }, Number(found.works));
      rekeys.set({ protocol, cipher, direction }, Number(found.rekeys));
    }
  }

  #series({ name, help, type, labels }: EngineMetric): EngineSeries {
    const options = { name, help, labelNames: labels, registers: [this.#registry] };
    return type === 'counter' ? new Counter(options) : new Gauge(options);
  }

  #count(name: string, value: number): void {
    const split = splitCounter(name);
    const series = split && this.#engine.get(split.key);
    if (!series) return;
    const { labels, scale } = engineMetrics[split.key] ?? { labels: [], scale: 1 };
    const values = split.value?.split('/') ?? [];
    series.inc(Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ''])), value * scale);
  }
}
