// Says when connections were closed for want of a PROXY header: a proxy that is not told to send one, or one
// of another network, is otherwise seen in counters alone.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Counters } from '../native/addon.ts';

/** Milliseconds between two looks, and at least between two warnings. */
const lookEvery = 2_000;
const warnEvery = 60_000;

const faults = ['stranger', 'malformed', 'late'] as const;

/** Begins at once, where a listener wants such headers. Returns what ends it. */
export function watchProxies(config: Config, counters: () => Counters, log: Logger): () => void {
  if (!config.listeners.some(({ proxyProtocol }) => proxyProtocol)) return () => {};
  let told = totals(counters());
  let toldAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    const now = totals(counters());
    const closed = faults.map((name, at) => [name, (now[at] ?? 0) - (told[at] ?? 0)] as const);
    if (closed.every(([, count]) => count === 0) || performance.now() - toldAt < warnEvery) return;
    told = now;
    toldAt = performance.now();
    log.warn(
      Object.fromEntries(closed),
      'connections were closed at a listener with proxyProtocol: of addresses that its "from" does not ' +
        'name (stranger), or that did not begin with a PROXY header (malformed) in time (late)',
    );
  };
  const timer = setInterval(look, lookEvery);
  timer.unref();
  return () => clearInterval(timer);
}

function totals(counters: Counters): number[] {
  return faults.map((name) => counters[`proxy_headers.${name}`] ?? 0);
}
