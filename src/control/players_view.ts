// What media players have said of their playback since the start (CMCD), by site, for the dashboard.

import type { Counters } from '../native/addon.ts';
import { distributionOf, quantile } from '../rollout/distribution.ts';

/** At a tenth and at half of the requests that said it. */
interface Spread {
  p10: number;
  p50: number;
}

export interface SitePlayers {
  name: string;
  /** Requests with CMCD, of these those after a stall (bs), and those that the player waits for (su). */
  requests: number;
  starved: number;
  startup: number;
  /** Seconds that were buffered; bits a second; seconds behind the live edge. Absent: nobody said it. */
  buffer?: Spread | undefined;
  throughput?: Spread | undefined;
  latency?: Spread | undefined;
}

/** Of the totals of the engine, as `cmcd_requests.video/SITE`, `cmcd_buffer.SITE/1023` (cmcd_totals.h). */
const requests = /^cmcd_requests\.[^/]*\/(.*)$/;
/** From the engine's unit to that of the view. */
const spreads = { buffer: 1e-3, throughput: 1e3, latency: 1e-3 };

/** The sites with most requests of players first. */
export function playersBySite(totals: Counters, most: number): SitePlayers[] {
  const counts = new Map<string, number>();
  for (const [counter, value] of Object.entries(totals)) {
    const name = requests.exec(counter)?.[1];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + value);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, requests]) => ({
      ...{ name, requests },
      starved: totals[`cmcd_starved.${name}`] ?? 0,
      startup: totals[`cmcd_startup.${name}`] ?? 0,
      buffer: spreadOf('buffer', name, totals),
      throughput: spreadOf('throughput', name, totals),
      latency: spreadOf('latency', name, totals),
    }));
}

function spreadOf(key: keyof typeof spreads, name: string, totals: Counters): Spread | undefined {
  const prefix = `cmcd_${key}.${name}/`;
  // A distribution has millionths for bounds. What is behind the last slash is a bound, or of another site.
  const bounds = Object.entries(totals)
    .filter(([counter]) => counter.startsWith(prefix) && /^\d+$/.test(counter.slice(prefix.length)))
    .map(([counter, count]) => [Number(counter.slice(prefix.length)) * spreads[key] * 1e6, count]);
  if (bounds.length === 0) return undefined;
  const distribution = distributionOf(Object.fromEntries(bounds));
  return { p10: quantile(distribution, 0.1), p50: quantile(distribution, 0.5) };
}
