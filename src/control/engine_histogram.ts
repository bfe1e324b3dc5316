// EngineHistogram: presents one of the engine's histograms (native/base/histogram.h) to prom-client. The
// engine has made the observations; this class only converts them.

import type { OpenMetricsContentType, Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';
import type { HistogramMetric } from './engine_metrics.ts';

interface Series {
  /** Counts by the bucket's upper bound, in the metric's unit. */
  buckets: { bound: number; count: number }[];
  sum: number;
}

interface Value {
  metricName: string;
  labels: Record<string, string | number>;
  value: number;
}

export class EngineHistogram {
  readonly name: string;
  readonly type = 'histogram';
  readonly #metric: HistogramMetric;
  #series = new Map<string, Series>();

  constructor(metric: HistogramMetric, registry: Registry<OpenMetricsContentType>) {
    this.name = metric.name;
    this.#metric = metric;
    // The registry only uses a metric's name and get().
    registry.registerMetric(this as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  /** Replaces all values by those of the counters `key.LABEL/BOUND` and `key_sum.LABEL`. */
  set(key: string, counters: Counters): void {
    const { scale } = this.#metric;
    this.#series = new Map();
    for (const [name, value] of Object.entries(counters)) {
      if (name === `${key}_sum` || name.startsWith(`${key}_sum.`)) {
        this.#of(name.slice(key.length + 5)).sum = value * scale;
      } else if (name.startsWith(`${key}.`)) {
        const path = name.slice(key.length + 1).split('/');
        const bound = Number(path.pop()) * scale;
        this.#of(path.join('/')).buckets.push({ bound, count: value });
      }
    }
  }

  get(): { name: string; help: string; type: string; aggregator: string; values: Value[] } {
    const values = [...this.#series].flatMap(([label, series]) => this.#valuesOf(label, series));
    return { name: this.name, help: this.#metric.help, type: this.type, aggregator: 'sum', values };
  }

  #of(label: string): Series {
    const series = this.#series.get(label) ?? { buckets: [], sum: 0 };
    this.#series.set(label, series);
    return series;
  }

  #valuesOf(label: string, { buckets, sum }: Series): Value[] {
    const names = this.#metric.labels;
    // The last one may have a slash, as the name of a site.
    const parts = label.split('/');
    const values = [...parts.slice(0, names.length - 1), parts.slice(names.length - 1).join('/')];
    const labels = Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
    const upTo = (most: number) =>
      buckets.reduce((all, { bound, count }) => all + (bound <= most ? count : 0), 0);
    const bucket = (le: number | string, value: number): Value => ({
      metricName: `${this.name}_bucket`,
      labels: { ...labels, le },
      value,
    });
    const count = upTo(Number.POSITIVE_INFINITY);
    return [
      ...this.#metric.bounds.map((bound) => bucket(bound, upTo(bound))),
      bucket('+Inf', count),
      ...(this.#metric.sumless ? [] : [{ metricName: `${this.name}_sum`, labels, value: sum }]),
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}
