// Metrics: all metrics as OpenMetrics text, computed from the engine's totals at each request.

import { Counter, Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import type { Counters, KtlsCapability } from '../native/addon.ts';
import type { RepositoryView } from '../protocols/oci/operating.ts';
import type { Operation } from '../rollout/operation.ts';
import type { SentinelStatus } from '../rollout/sentinel.ts';
import { BucketMetrics, type UsedBucket } from './bucket_metrics.ts';
import { BuildCacheMetrics } from './build_cache_metrics.ts';
import { EngineHistogram } from './engine_histogram.ts';
import { engineHistograms, engineMetrics, splitCounter } from './engine_metrics.ts';
import { type Host, HostMetrics } from './host_metrics.ts';
import type { EngineMetric } from './metric.ts';
import { PointMetrics } from './point_metrics.ts';
import { RepositoryMetrics } from './repository_metrics.ts';
import { RolloutMetrics } from './rollout_metrics.ts';
import { sharedCollectionMetrics } from './shared_collection_metrics.ts';
import { SiteMetrics } from './site_metrics.ts';
import type { TlsStat } from './tls_stat.ts';
import { upstreamMetrics } from './upstream_metrics.ts';

/** What is looked up for each request. */
interface Told {
  buckets(): UsedBucket[];
  sites(): Counters;
  /** The largest; absent: there are no registries. */
  repositories?(most: number): Promise<RepositoryView[]>;
}

type EngineSeries = Counter | Gauge;

const counted: Record<string, EngineMetric> = {
  ...engineMetrics,
  ...upstreamMetrics,
  ...sharedCollectionMetrics,
};

export class Metrics {
  readonly contentType = Registry.OPENMETRICS_CONTENT_TYPE;
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #engine = new Map<string, EngineSeries>();
  readonly #histograms = new Map<string, EngineHistogram>();
  readonly #rollout: RolloutMetrics;
  readonly #host: HostMetrics;
  readonly #buckets: BucketMetrics;
  readonly #sites: SiteMetrics;
  readonly #repositories: RepositoryMetrics | undefined;
  readonly #points: PointMetrics;
  readonly #builds: BuildCacheMetrics;

  /**
   * @param ktls the result of probing kernel TLS.
   * @param kernel the kernel's TLS statistics since the server began.
   */
  constructor(ktls: KtlsCapability[], host: Host, kernel: TlsStat, { buckets, sites, repositories }: Told) {
    this.#registry.setContentType(this.contentType);
    this.#addCapabilities(ktls);
    for (const [key, metric] of Object.entries(counted)) this.#engine.set(key, this.#series(metric));
    for (const [key, metric] of Object.entries(engineHistograms)) {
      this.#histograms.set(key, new EngineHistogram(metric, this.#registry));
    }
    this.#rollout = new RolloutMetrics(this.#registry, kernel);
    this.#host = new HostMetrics(host, this.#registry);
    this.#buckets = new BucketMetrics(buckets, this.#registry);
    this.#sites = new SiteMetrics(sites, this.#registry);
    if (repositories) this.#repositories = new RepositoryMetrics(repositories, this.#registry);
    this.#points = new PointMetrics(sites, this.#registry);
    this.#builds = new BuildCacheMetrics(sites, this.#registry);
  }

  /** The metrics as OpenMetrics text. @param engine totals of the engine. */
  async text(engine: Counters, operation: Operation, sentinel?: SentinelStatus): Promise<string> {
    for (const series of this.#engine.values()) series.reset();
    for (const [name, value] of Object.entries(engine)) this.#count(name, value);
    for (const [key, histogram] of this.#histograms) histogram.set(key, engine);
    this.#rollout.update(engine, operation, sentinel);
    this.#buckets.update();
    this.#sites.update();
    await this.#repositories?.update();
    this.#points.update();
    this.#builds.update();
    await this.#host.update();
    return this.#registry.metrics();
  }

  // These do not change while the server runs, so they are set once.
  #addCapabilities(ktls: KtlsCapability[]): void {
    const labelNames = ['protocol', 'cipher', 'direction'];
    const gauge = (name: string, help: string) =>
      new Gauge({ name, help, labelNames, registers: [this.#registry] });
    const works = gauge(
      'sealgate_ktls_works',
      '1: kernel TLS transferred records correctly when it was probed at the start.',
    );
    const rekeys = gauge(
      'sealgate_ktls_rekeys',
      '1: kernel TLS also worked after its key was replaced when it was probed.',
    );
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
    const { labels, scale } = counted[split.key] ?? { labels: [], scale: 1 };
    const values = split.value?.split('/') ?? [];
    series.inc(Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ''])), value * scale);
  }
}
