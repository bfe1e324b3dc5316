// The stores that buckets are shared over, as commands reach them: without a server, by the same settings.

import { pino } from 'pino';
import type { Config } from '../config/config.ts';
import { sharedOver } from '../server/shared_collector.ts';
import { Fetcher } from '../upstream/fetcher.ts';
import { Tier } from '../upstream/tier.ts';
import { Upstream } from '../upstream/upstream.ts';

/** Works on each shared store, or that of one bucket. Throws where there is none. */
export async function withTiers<T>(
  { sharedBuckets, upstreams }: Pick<Config, 'sharedBuckets' | 'upstreams'>,
  work: (tier: Tier) => Promise<T>,
  bucket?: string,
): Promise<T[]> {
  const its =
    bucket !== undefined && Object.hasOwn(sharedBuckets, bucket) ? sharedBuckets[bucket] : undefined;
  const names = bucket === undefined ? sharedOver({ sharedBuckets }) : its ? [its.upstream] : [];
  if (names.length === 0)
    throw new Error(
      bucket === undefined
        ? 'no bucket is shared: "sharedBuckets" of the configuration names none'
        : `${bucket}: "sharedBuckets" of the configuration does not name this bucket`,
    );
  const fetcher = new Fetcher();
  try {
    const done: T[] = [];
    for (const name of names) {
      const config = upstreams[name];
      if (!config) throw new Error(`there is no upstream ${name}`);
      // What goes wrong is told by the command itself.
      const tier = new Tier(new Upstream(name, config, fetcher, pino({ level: 'silent' })));
      done.push(await work(tier));
    }
    return done;
  } finally {
    await fetcher.close();
  }
}
