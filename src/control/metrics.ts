// Metrics: what the server counts, in OpenMetrics text. The engine's totals are taken when somebody asks.

import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import type { FrontEndObserver } from '../delivery/front_end.ts';
import { TlsStat } from '../delivery/tls_stat.ts';
import type { ErrorCode } from '../errors.ts';
import type { Counters, KtlsCapability } from '../native/addon.ts';
import type { Operation } from '../rollout/operation.ts';
import type { SentinelStatus } from '../rollout/sentinel.ts';
import { EngineHistogram } from './engine_histogram.ts';
import { type EngineMetric, engineHistograms, engineMetrics, splitCounter } from './engine_metrics.ts';
import { type Host, HostMetrics } from './host_metrics.ts';
import { RolloutMetrics } from './rollout_metrics.ts';

/** Seconds: from a plan made at once to a blob that had to be hashed again. */
const latencyBuckets = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

type EngineSeries = Counter | Gauge;

export class Metrics implements FrontEndObserver {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #latency: Histogram;
  readonly #engine = new Map<string, EngineSeries>();
  readonly #histograms = new Map<string, EngineHistogram>();
  readonly #rollout: RolloutMetrics;
  readonly #host: HostMetrics;
  readonly #refusals = new Map<ErrorCode, number>();

  /** @param ktls what the kernel was found to do. */
  constructor(ktls: KtlsCapability[], host: Host) {
    this.#registry.setContentType(this.contentType);
    this.#addCapabilities(ktls);
    this.#latency = new Histogram({
      name: 'sealgate_front_end_latency_seconds',
      help: 'From the complete request head to the front end’s answer.',
      buckets: latencyBuckets,
      registers: [this.#registry],
    });
    for (const [key, metric] of Object.entries(engineMetrics)) this.#engine.set(key, this.#series(metric));
    for (const [key, metric] of Object.entries(engineHistograms)) {
      this.#histograms.set(key, new EngineHistogram(metric, this.#registry));
    }
    this.#rollout = new RolloutMetrics(this.#registry, new TlsStat());
    this.#host = new HostMetrics(host, this.#registry);
  }

  answered(seconds: number): void {
    this.#latency.observe(seconds);
  }

  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** The exposition. @param engine totals of all reactors. */
  async text(engine: Counters, operation?: Operation, sentinel?: SentinelStatus): Promise<string> {
    for (const series of this.#engine.values()) series.reset();
    for (const [name, value] of Object.entries(engine)) this.#count(name, value);
    for (const [code, count] of this.#refusals) this.#count(`problems.${code}`, count);
    for (const [key, histogram] of this.#histograms) histogram.set(key, engine);
    if (operation) this.#rollout.update(engine, operation, sentinel);
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
