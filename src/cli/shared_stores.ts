// The stores that buckets are shared over, as commands reach them: without a server, by the same settings.

import { pino } from 'pino';
import { type Config, ConfigError } from '../config/config.ts';
import { cannotBeShared, sharedOver } from '../server/shared_collector.ts';
import { Fetcher } from '../upstream/fetcher.ts';
import { Tier } from '../upstream/tier.ts';
import { Upstream } from '../upstream/upstream.ts';

interface Which {
  /** Absent: the stores of all buckets. */
  bucket?: string;
  /** Nothing is written to them, and so they are not probed, which writes. */
  reads?: boolean;
}

/**
 * Works on each shared store, or that of one bucket. Rejects where there is none, and with ConfigError where
 * a store does not do what sharing rests on, before anything but the probe is written to it.
 */
export async function withTiers<T>(
  { sharedBuckets, upstreams }: Pick<Config, 'sharedBuckets' | 'upstreams'>,
  work: (tier: Tier) => Promise<T>,
  { bucket, reads = false }: Which = {},
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
      if (!reads) await probe(tier);
      done.push(await work(tier));
    }
    return done;
  } finally {
    await fetcher.close();
  }
}

async function probe(tier: Tier): Promise<void> {
  const wrong = await tier.probe().catch((cause) => {
    const why = (cause.cause as Error | undefined)?.message ?? cause.message;
    throw new Error(`upstream ${tier.name} (${tier.root}): it could not be probed: ${why}`, { cause });
  });
  if (wrong !== undefined) throw new ConfigError(cannotBeShared(tier.name, wrong));
}
