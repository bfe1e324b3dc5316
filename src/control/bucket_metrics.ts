// BucketMetrics: what each bucket keeps and may keep. Anybody who makes buckets makes values of a label, so
// the largest have one each and the others one together.

import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Quota } from '../store/quota.ts';
import type { Store } from '../store/store.ts';
import { noUsage, sumOf, type Usage } from '../store/usage.ts';

/** Buckets that are told by name. */
const mostBuckets = 100;
/** No bucket is called so. */
const others = '(others)';

export interface UsedBucket {
  name: string;
  quota?: Quota | undefined;
  usage: Usage;
}

/** Those that keep most, and all others as one. */
export function largestBuckets(store: Pick<Store, 'buckets' | 'usage'>, most = mostBuckets): UsedBucket[] {
  const all = store
    .buckets()
    .map(({ name, quota }) => ({ name, quota, usage: store.usage(name) ?? noUsage }));
  all.sort((a, b) => b.usage.bytes - a.usage.bytes);
  const rest = all.splice(most);
  if (rest.length === 0) return all;
  return [...all, { name: others, usage: rest.map(({ usage }) => usage).reduce(sumOf, noUsage) }];
}

export class BucketMetrics {
  readonly #buckets: () => UsedBucket[];
  readonly #used: Record<keyof Usage, Gauge>;
  readonly #quota: Record<keyof Usage, Gauge>;

  constructor(buckets: () => UsedBucket[], registry: Registry<OpenMetricsContentType>) {
    this.#buckets = buckets;
    const gauge = (name: string, help: string) =>
      new Gauge({ name: `sealgate_bucket_${name}`, help, labelNames: ['bucket'], registers: [registry] });
    this.#used = {
      bytes: gauge('used_bytes', 'Sizes of the versions of names that the bucket keeps.'),
      objects: gauge('used_objects', 'Versions of names whose bytes the bucket keeps.'),
    };
    this.#quota = {
      bytes: gauge('quota_bytes', 'Bytes that the bucket may keep; absent without such a quota.'),
      objects: gauge('quota_objects', 'Versions of names that the bucket may keep; absent without a quota.'),
    };
  }

  update(): void {
    for (const which of ['bytes', 'objects'] as const) {
      this.#used[which].reset();
      this.#quota[which].reset();
    }
    for (const { name: bucket, usage, quota } of this.#buckets()) {
      for (const which of ['bytes', 'objects'] as const) {
        this.#used[which].set({ bucket }, usage[which]);
        const limit = quota?.[which];
        if (limit !== undefined) this.#quota[which].set({ bucket }, limit);
      }
    }
  }
}
