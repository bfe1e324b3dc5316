// How blobs are sealed and what is asked of them when they are delivered, by bucket, as the configuration
// says. Bytes that are asked for by their digest may be of any bucket: the strictest setting counts.

import type { Config } from './config/config.ts';

type Settings = Omit<Config['seal'], 'buckets'>;
type Sealing = Pick<Config, 'seal'>;

function setting<Key extends keyof Settings>({ seal }: Sealing, key: Key, bucket: string): Settings[Key] {
  const own = Object.hasOwn(seal.buckets, bucket) ? seal.buckets[bucket] : undefined;
  return (own?.[key] as Settings[Key] | undefined) ?? seal[key];
}

/** The setting of a bucket; without a bucket, the last in this order that the site or any bucket has. */
function strictest<Key extends keyof Settings>(
  config: Sealing,
  key: Key,
  order: readonly Settings[Key][],
  bucket: string | undefined,
): Settings[Key] {
  if (bucket !== undefined) return setting(config, key, bucket);
  const { buckets, ...ordinary } = config.seal;
  const used = [ordinary[key], ...Object.keys(buckets).map((each) => setting(config, key, each))];
  return order.findLast((each) => used.includes(each)) ?? ordinary[key];
}

export function firstReadOf(config: Sealing, bucket?: string): Settings['firstRead'] {
  return strictest(config, 'firstRead', ['trust', 'hash'], bucket);
}

/** The level that what is stored is sealed at. */
export function sealLevelOf(config: Sealing, bucket?: string): Settings['level'] {
  return bucket === undefined ? config.seal.level : setting(config, 'level', bucket);
}

/** What a blob has to have to be delivered. undefined: what sendfile takes anyway. */
export interface SealFloor {
  level: Settings['require'];
  /** False: a blob below it is copied. */
  refuse: boolean;
}

export function sealFloorOf(config: Sealing, bucket?: string): SealFloor | undefined {
  const level = strictest(config, 'require', ['L1', 'L2', 'L3'], bucket);
  const refuse = strictest(config, 'below', ['copy', 'refuse'], bucket) === 'refuse';
  return level === 'L1' && !refuse ? undefined : { level, refuse };
}
