// Buckets: namespaces of names, each with a kind that it keeps, and settings that can be changed.

import { SealgateError } from '../errors.ts';
import type { Metadata } from './metadata.ts';
import type { Retention } from './retention.ts';
import type { Bucket, BucketKind } from './store.ts';

interface BucketRecord {
  kind: BucketKind;
  created: number;
}

/** One version of a bucket's settings; the newest counts. Written whole. */
interface SettingsRecord {
  keep?: Retention;
  created: number;
}

export class Buckets {
  readonly #meta: Metadata;
  /** Buckets that were read before, by name; forgotten when their settings change. */
  readonly #known = new Map<string, Bucket>();

  constructor(meta: Metadata) {
    this.#meta = meta;
  }

  all(): Bucket[] {
    return [...this.#meta.range<BucketRecord>('buckets')].map(({ key, value }) =>
      this.#with(key as string, value),
    );
  }

  get(name: string): Bucket | undefined {
    const known = this.#known.get(name);
    if (known) return known;
    const record = this.#meta.get<BucketRecord>('buckets', name);
    if (!record) return undefined;
    const bucket = this.#with(name, record);
    this.#known.set(name, bucket);
    return bucket;
  }

  #with(name: string, { kind, created }: BucketRecord): Bucket {
    const keep = this.#meta.newest<SettingsRecord>('settings', [name])?.value.keep;
    return { name, kind, created, ...(keep && { keep }) };
  }

  /** Throws `bucket-unknown`. */
  existing(name: string): Bucket {
    const bucket = this.get(name);
    if (!bucket) throw new SealgateError('bucket-unknown', `There is no bucket ${name}.`);
    return bucket;
  }

  async create(name: string, kind: BucketKind): Promise<void> {
    if (await this.#meta.putOnce('buckets', name, { kind, created: Date.now() })) return;
    const { kind: actual } = this.existing(name);
    if (actual !== kind) {
      throw new SealgateError(
        'bucket-kind-differs',
        `Bucket ${name} is ${actual}, and stays it; asked for was ${kind}.`,
      );
    }
  }

  /** @param keep undefined: all versions. */
  async retain(name: string, keep: Retention | undefined): Promise<void> {
    if (this.existing(name).kind !== 'versioned')
      throw new SealgateError(
        'bucket-kind-differs',
        `Bucket ${name} is write-once: its names have no versions to keep.`,
      );
    const settings = (): SettingsRecord => ({ ...(keep && { keep }), created: Date.now() });
    // On a full disk too: it may be what lets older versions go.
    await this.#meta.append('settings', [name], settings, 'frees');
    this.#known.delete(name);
  }
}
