// Mirrors and their upstreams since the start, for the dashboard.

import type { Counters } from '../native/addon.ts';
import type { MirrorStatus } from '../protocols/mirror/operating.ts';
import { valuesUnder } from '../rollout/samples.ts';

export interface UpstreamView {
  name: string;
  isOffline: boolean;
  /** It failed several times in a row, and is left alone for a while. */
  isLeftAlone: boolean;
  /** Fetches by what came of them: whole, not-modified, absent, or why they failed. */
  fetches: Record<string, number>;
  bytes: number;
  underWay: number;
  waiting: number;
  /** Bodies with other digests than were promised. */
  mismatches: number;
  /** Share of the answers of its sites for which it was not asked; absent: there were none. */
  hitShare?: number;
}

/** @param totals of the server. @param sites of the engine, by site. */
export function upstreamsOf(
  mirrors: readonly MirrorStatus[],
  totals: Counters,
  sites: Counters,
): UpstreamView[] {
  const responses = new Map<string, number>();
  for (const [name, count] of Object.entries(valuesUnder(sites, 'site_responses.'))) {
    const site = name.slice(name.indexOf('/') + 1);
    responses.set(site, (responses.get(site) ?? 0) + count);
  }
  const all = new Map(mirrors.flatMap(({ upstreams }) => upstreams.map((each) => [each.name, each.offline])));
  return [...all].map(([name, isOffline]): UpstreamView => {
    const fetches = valuesUnder(totals, `upstream_fetches.${name}/`);
    const asked = Object.values(fetches).reduce((sum, count) => sum + count, 0);
    const its = mirrors.filter(({ upstreams }) => upstreams.some((each) => each.name === name));
    const answered = its.reduce((sum, { site }) => sum + (responses.get(site) ?? 0), 0);
    return {
      ...{ name, isOffline, fetches },
      isLeftAlone: totals[`upstream_circuit_open.${name}`] === 1,
      bytes: totals[`upstream_bytes.${name}`] ?? 0,
      underWay: totals[`upstream_under_way.${name}`] ?? 0,
      waiting: totals[`upstream_waiting.${name}`] ?? 0,
      mismatches: totals[`upstream_mismatches.${name}`] ?? 0,
      ...(answered > 0 && { hitShare: Math.max(0, 1 - asked / answered) }),
    };
  });
}
