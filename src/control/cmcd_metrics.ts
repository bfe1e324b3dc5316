// CmcdMetrics: what players said of their playback with requests to video sites (CMCD, CTA-5004), by site.
// The engine has counted it (native/server/cmcd_totals.h): whatever players say, a site has the same few
// series.

import { Counter, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';
import { EngineHistogram } from './engine_histogram.ts';
import type { HistogramMetric } from './engine_metrics.ts';

/** By the engine's name up to the dot. */
const histograms: Record<string, HistogramMetric> = {
  cmcd_buffer: {
    name: 'sealgate_cmcd_buffer_seconds',
    help: 'What players had buffered when they asked (bl), by site.',
    labels: ['site'],
    scale: 1e-3,
    bounds: [0.5, 1, 2, 4, 8, 15, 30, 60, 120],
  },
  cmcd_throughput: {
    name: 'sealgate_cmcd_throughput_bits_per_second',
    help: 'The throughput that players had measured when they asked (mtp), by site.',
    labels: ['site'],
    scale: 1e3,
    bounds: [0.25e6, 0.5e6, 1e6, 2e6, 4e6, 8e6, 16e6, 32e6, 64e6, 128e6, 256e6, 1e9],
  },
  cmcd_latency: {
    name: 'sealgate_cmcd_live_latency_seconds',
    help: 'How far players were behind the live edge when they asked (ltc of version 2), by site.',
    labels: ['site'],
    scale: 1e-3,
    bounds: [0.5, 1, 2, 3, 4, 6, 8, 12, 20, 30, 60],
  },
};

export class CmcdMetrics {
  readonly #histograms: [key: string, histogram: EngineHistogram][];
  readonly #requests: Counter;
  readonly #totals: [key: string, counter: Counter][];

  constructor(registry: Registry<OpenMetricsContentType>) {
    this.#histograms = Object.entries(histograms).map(([key, metric]) => [
      key,
      new EngineHistogram(metric, registry),
    ]);
    const counter = (name: string, help: string, ...labels: string[]) =>
      new Counter({
        ...{ name: `sealgate_cmcd_${name}`, help, registers: [registry] },
        labelNames: [...labels, 'site'],
      });
    this.#requests = counter('requests', 'Requests with CMCD, by site and object type (ot).', 'object');
    this.#totals = [
      ['cmcd_starved', counter('starved_requests', 'Requests of players whose buffer had run empty (bs).')],
      ['cmcd_startup', counter('startup_requests', 'Requests of players that wait for the object (su).')],
      ['cmcd_malformed', counter('malformed_requests', 'Requests with CMCD that could not all be read.')],
    ];
  }

  /** @param sites totals of the engine: `cmcd_requests.video/SITE`, `cmcd_buffer.SITE/1023` and the like. */
  update(sites: Counters): void {
    for (const [key, histogram] of this.#histograms) histogram.set(key, sites);
    this.#requests.reset();
    for (const [, counter] of this.#totals) counter.reset();
    for (const [name, value] of Object.entries(sites)) {
      const dot = name.indexOf('.');
      const [key, label] = [name.slice(0, dot), name.slice(dot + 1)];
      if (key === 'cmcd_requests') {
        const slash = label.indexOf('/');
        this.#requests.inc({ object: label.slice(0, slash), site: label.slice(slash + 1) }, value);
      } else this.#totals.find(([each]) => each === key)?.[1].inc({ site: label }, value);
    }
  }
}
