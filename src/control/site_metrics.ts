// SiteMetrics: what was answered for each configured site, by its name. Sites are the operator's, and the
// engine keeps at most so many names apart (native/server/site_totals.h), so a label has no more values.

import { Counter, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Counters } from '../native/addon.ts';
import { CmcdMetrics } from './cmcd_metrics.ts';

export interface SiteUse {
  name: string;
  /** Whole responses by class of status, as `2xx`. */
  responses: Record<string, number>;
  sentBytes: number;
  receivedBytes: number;
  cut: number;
}

/** @param totals of the engine: `site_sent.NAME`, `site_responses.2xx/NAME` and the like. */
function sitesIn(totals: Counters): SiteUse[] {
  const sites = new Map<string, SiteUse>();
  const use = (name: string): SiteUse => {
    const known = sites.get(name) ?? { name, responses: {}, sentBytes: 0, receivedBytes: 0, cut: 0 };
    sites.set(name, known);
    return known;
  };
  for (const [counter, value] of Object.entries(totals)) {
    const [, key = '', name = ''] = /^site_([a-z]+)\.(.*)$/.exec(counter) ?? [];
    if (key === 'responses') {
      const slash = name.indexOf('/');
      use(name.slice(slash + 1)).responses[name.slice(0, slash)] = value;
    } else if (key === 'sent') use(name).sentBytes = value;
    else if (key === 'received') use(name).receivedBytes = value;
    else if (key === 'cut') use(name).cut = value;
  }
  return [...sites.values()];
}

/** Those with most responses first. */
export function busiestSites(totals: Counters, most: number): SiteUse[] {
  const all = (site: SiteUse) => Object.values(site.responses).reduce((sum, count) => sum + count, 0);
  return sitesIn(totals)
    .sort((a, b) => all(b) - all(a))
    .slice(0, most);
}

export class SiteMetrics {
  readonly #sites: () => Counters;
  readonly #responses: Counter;
  readonly #cmcd: CmcdMetrics;
  readonly #bytes: Record<'sentBytes' | 'receivedBytes' | 'cut', Counter>;

  constructor(sites: () => Counters, registry: Registry<OpenMetricsContentType>) {
    this.#sites = sites;
    this.#cmcd = new CmcdMetrics(registry);
    const counter = (name: string, help: string, ...labels: string[]) =>
      new Counter({
        ...{ name: `sealgate_site_${name}`, help, registers: [registry] },
        labelNames: ['site', ...labels],
      });
    this.#responses = counter(
      'responses',
      'Complete responses of a configured site, by its name and class of status.',
      'status',
    );
    this.#bytes = {
      sentBytes: counter('sent_bytes', 'Bytes of heads and bodies sent for the site, before TLS.'),
      receivedBytes: counter('received_bytes', 'Bytes of request bodies that the site answered.'),
      cut: counter('cut_responses', 'Responses of the site that ended before their last byte.'),
    };
  }

  update(): void {
    const totals = this.#sites();
    this.#cmcd.update(totals);
    const all = [this.#responses, ...Object.values(this.#bytes)];
    for (const each of all) each.reset();
    for (const site of sitesIn(totals)) {
      for (const [status, count] of Object.entries(site.responses))
        this.#responses.inc({ site: site.name, status }, count);
      for (const which of ['sentBytes', 'receivedBytes', 'cut'] as const)
        this.#bytes[which].inc({ site: site.name }, site[which]);
    }
  }
}
