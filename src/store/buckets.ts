// Buckets: namespaces of names, each with a kind and with settings that can be changed.

import { SealgateError } from '../errors.ts';
import type { Metadata } from './metadata.ts';
import { type Quota, refusalOf } from './quota.ts';
import type { Bucket, BucketKind, SettingsChange } from './store.ts';
import { noUsage, type Usage } from './usage.ts';

interface BucketRecord {
  /** The kind that it was made with. */
  kind: BucketKind;
  created: number;
}

/** One version of a bucket's settings; the newest counts. Written whole. */
interface SettingsRecord extends Settings {
  created: number;
}

/** `kind`: another than the one that the bucket was made with, or that one again. */
type Settings = Partial<Pick<Bucket, 'kind' | 'keep' | 'quota' | 'ttl' | 'digests'>>;

export class Buckets {
  readonly #meta: Metadata;
  /** Cache of buckets by name; an entry goes when the bucket's settings change. */
  readonly #known = new Map<string, Bucket>();

  constructor(meta: Metadata) {
    this.#meta = meta;
  }

  /** Another process may have changed some. */
  lookAgain(): void {
    this.#known.clear();
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

  #with(name: string, { kind: first, created }: BucketRecord): Bucket {
    const settings = this.#meta.newest<SettingsRecord>('settings', [name])?.value ?? {};
    const { kind = first, keep, quota, ttl, digests } = settings as Settings;
    const times = { ...(keep && { keep }), ...(quota && { quota }), ...(ttl !== undefined && { ttl }) };
    return { name, kind, created, ...times, ...(digests && { digests }) };
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
        `Bucket ${name} is ${actual}, asked for was ${kind}; 'sealgate bucket set ${name} --kind ${kind}' ` +
          'changes it.',
      );
    }
  }

  /** See store.ts. */
  async set(name: string, change: SettingsChange): Promise<void> {
    const { kind } = { ...this.existing(name), ...change };
    if (change.keep !== undefined && kind !== 'versioned')
      throw new SealgateError(
        'bucket-kind-differs',
        `Bucket ${name} is write-once: its names have no versions to keep.`,
      );
    const settings = (newest: { value: SettingsRecord } | undefined): SettingsRecord => ({
      ...changed(newest?.value, change),
      created: Date.now(),
    });
    // The reserve for a full disk may be used: the change may be what frees older versions.
    await this.#meta.append('settings', [name], settings, 'frees');
    this.#known.delete(name);
  }

  /** Throws `quota-reached` when this much more would exceed the bucket's quota. */
  checkRoom(name: string, added: Usage): void {
    const { quota } = this.existing(name);
    const refusal = quota && refusalOf(name, quota, this.#meta.usageOf(name) ?? noUsage, added);
    if (refusal) throw refusal;
  }
}

/** The settings that a change makes of others. */
export function changed(before: Settings = {}, change: SettingsChange): Settings {
  const kind = change.kind ?? before.kind;
  const keep = change.kind === 'write-once' ? 'none' : (change.keep ?? before.keep);
  const ttl = change.ttl ?? before.ttl;
  const digests = change.digests ?? before.digests ?? 'none';
  const quota: Quota = {};
  for (const which of ['bytes', 'objects'] as const) {
    const limit = change.quota?.[which] ?? before.quota?.[which];
    if (limit !== undefined && limit !== 'none') quota[which] = limit;
  }
  return {
    ...(kind && { kind }),
    ...(keep !== undefined && keep !== 'none' && { keep }),
    ...(Object.keys(quota).length > 0 && { quota }),
    ...(ttl !== undefined && ttl !== 'none' && { ttl }),
    ...(digests !== 'none' && digests.length > 0 && { digests }),
  };
}
