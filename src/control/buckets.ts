// /buckets: what buckets there are, what they keep and may keep, and changes of that while the server runs.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { bucketKindSchema, digestNamesSchema } from '../object_schema.ts';
import type { Objects } from '../objects/objects.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { checkBucketName } from '../store/names.ts';
import { mostQuota } from '../store/quota.ts';
import { mostSeconds, mostVersions } from '../store/retention.ts';
import type { Bucket, SettingsChange, Store } from '../store/store.ts';
import { mostTimeToLive } from '../store/time_to_live.ts';
import type { Usage } from '../store/usage.ts';
import { bodyOf } from './body.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface BucketServices {
  store: Pick<Store, 'buckets' | 'bucket' | 'usage' | 'createBucket' | 'removedBy'>;
  objects: Pick<Objects, 'setBucket'>;
  audit: AuditLog;
}

export const why = z.string().min(1, { error: 'expected a reason' }).max(500);
const bucketSchema = z.strictObject({
  name: z.string(),
  kind: bucketKindSchema.default('write-once'),
  why: why.default('asked to'),
});

const keepSchema = z
  .strictObject({
    versions: z.int().min(0).max(mostVersions),
    seconds: z.number().min(0).max(mostSeconds),
  })
  .partial();
const limit = z.union([z.literal('none'), z.int().min(0).max(mostQuota)]);
const setSchema = z
  .strictObject({
    name: z.string(),
    kind: bucketKindSchema.optional(),
    keep: z.union([z.literal('all'), keepSchema]).optional(),
    quota: z.strictObject({ bytes: limit, objects: limit }).partial().optional(),
    ttl: z.union([z.literal('none'), z.int().min(1).max(mostTimeToLive)]).optional(),
    digests: z.union([z.literal('none'), digestNamesSchema]).optional(),
    yes: z.boolean().default(false),
    why: why.default('asked to'),
  })
  .refine(
    ({ kind, keep, quota, ttl, digests }) => kind ?? keep ?? quota ?? ttl ?? digests,
    'expected kind, keep, quota, ttl or digests',
  );

/** What /buckets/set is asked for, as far as it is about the bucket. */
export type AskedSettings = Pick<z.input<typeof setSchema>, 'kind' | 'keep' | 'quota' | 'ttl' | 'digests'>;

/** @param refusing answers what the work throws of errors.ts. */
export function bucketRoutes(
  services: BucketServices,
  refusing: (c: Context, work: () => Promise<Response>) => Promise<Response>,
): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.get('/buckets', (c) => c.json({ buckets: shownBuckets(services.store) }));
  app.post('/buckets', (c) => refusing(c, () => createBucket(c, services)));
  app.post('/buckets/set', (c) => refusing(c, () => setBucket(c, services)));
  return app;
}

/** The JSON form of a bucket in every listing. Times are ISO 8601. */
export function shownBucket({ name, kind, created, ...others }: Bucket, usage: Usage | undefined) {
  const { keep, quota, ttl, digests } = others;
  const limits = { ...(keep && { keep }), ...(quota && { quota }), ...(ttl !== undefined && { ttl }) };
  const settings = { ...limits, ...(digests && { digests }) };
  return { name, kind, created: new Date(created).toISOString(), ...settings, ...(usage && { usage }) };
}

export function shownBuckets(store: Pick<Store, 'buckets' | 'usage'>) {
  return store.buckets().map((bucket) => shownBucket(bucket, store.usage(bucket.name)));
}

export function changeOf({ kind, keep, quota, ttl, digests }: AskedSettings): SettingsChange {
  return {
    ...(kind && { kind }),
    ...(keep && { keep: keep === 'all' ? 'none' : keep }),
    ...(quota && { quota }),
    ...(ttl !== undefined && { ttl }),
    ...(digests && { digests }),
  } as SettingsChange;
}

/** Why settings are not changed without a further word; undefined: that removes nothing that there is. */
export async function objection(
  store: Pick<Store, 'removedBy'>,
  name: string,
  change: SettingsChange,
): Promise<string | undefined> {
  if ((change.kind ?? change.keep ?? change.ttl) === undefined) return undefined;
  const { versions, bytes, expired } = await store.removedBy(name, change);
  const counted = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const parts = [
    ...(expired.objects > 0
      ? [`${counted(expired.objects, 'object')} of ${expired.bytes} bytes that would be deleted at once`]
      : []),
    ...(versions > 0
      ? [`${counted(versions, 'older version')} of ${bytes} bytes that would be removed after the grace time`]
      : []),
  ];
  return parts.length > 0 ? `bucket ${name} has ${parts.join(', and ')}; say --yes to do so` : undefined;
}

async function setBucket(c: Context<ControlEnv>, services: BucketServices): Promise<Response> {
  const asked = await bodyOf(c, setSchema, 'bucket-malformed');
  if (asked instanceof Response) return asked;
  const { store, objects, audit } = services;
  const { name, yes, why, ...settings } = asked;
  const change = changeOf(settings);
  const against = yes ? undefined : await objection(store, name, change);
  if (against !== undefined) return problem(c, 409, 'versions-would-be-removed', against);
  await audit.append({ who: whoOf(c), action: 'bucket-set', why, bucket: name, ...settings });
  await objects.setBucket(name, change);
  const set = store.bucket(name);
  return c.json(set && shownBucket(set, store.usage(name)));
}

async function createBucket(c: Context<ControlEnv>, { store, audit }: BucketServices): Promise<Response> {
  const asked = await bodyOf(c, bucketSchema, 'bucket-malformed');
  if (asked instanceof Response) return asked;
  const { name, kind, why } = asked;
  checkBucketName(name);
  const known = store.bucket(name);
  // Recorded before it is done: no change without an author on record.
  if (!known) await audit.append({ who: whoOf(c), action: 'bucket-create', why, bucket: name, kind });
  await store.createBucket(name, kind);
  const made = store.bucket(name);
  return c.json(made && shownBucket(made, store.usage(name)), known ? 200 : 201);
}
