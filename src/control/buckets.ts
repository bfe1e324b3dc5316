// /buckets: what buckets there are, what they keep and may keep, and changes of that while the server runs.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { bucketKindSchema } from '../object_schema.ts';
import type { Objects } from '../objects/objects.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { checkBucketName } from '../store/names.ts';
import { mostQuota } from '../store/quota.ts';
import { mostSeconds, mostVersions } from '../store/retention.ts';
import type { Bucket, SettingsChange, Store } from '../store/store.ts';
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
    yes: z.boolean().default(false),
    why: why.default('asked to'),
  })
  .refine((asked) => asked.kind ?? asked.keep ?? asked.quota, 'expected kind, keep or quota');

/** What /buckets/set is asked for, as far as it is about the bucket. */
export type AskedSettings = Pick<z.input<typeof setSchema>, 'kind' | 'keep' | 'quota'>;

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
export function shownBucket({ name, kind, created, keep, quota }: Bucket, usage: Usage | undefined) {
  const settings = { ...(keep && { keep }), ...(quota && { quota }) };
  return { name, kind, created: new Date(created).toISOString(), ...settings, ...(usage && { usage }) };
}

export function shownBuckets(store: Pick<Store, 'buckets' | 'usage'>) {
  return store.buckets().map((bucket) => shownBucket(bucket, store.usage(bucket.name)));
}

export function changeOf({ kind, keep, quota }: AskedSettings): SettingsChange {
  return {
    ...(kind && { kind }),
    ...(keep && { keep: keep === 'all' ? 'none' : keep }),
    ...(quota && { quota }),
  } as SettingsChange;
}

/** Why settings are not changed without a further word; undefined: that removes nothing that there is. */
export async function objection(
  store: Pick<Store, 'removedBy' | 'bucket'>,
  name: string,
  { kind, keep }: SettingsChange,
): Promise<string | undefined> {
  const losesAll = kind === 'write-once' && store.bucket(name)?.kind === 'versioned';
  const kept = losesAll ? { versions: 0 } : keep;
  if (kept === undefined || kept === 'none') return undefined;
  const { versions, bytes } = await store.removedBy(name, kept);
  if (versions === 0) return undefined;
  const removed = `${versions} older version${versions === 1 ? '' : 's'} of ${bytes} bytes`;
  return `bucket ${name} has ${removed} that would be removed after the grace time; say --yes to do so`;
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
