// /buckets, /forget and /gc: changes to the store while the server runs.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import * as z from 'zod';
import { errors, SealgateError } from '../errors.ts';
import { bucketKindSchema, digestSchema } from '../object_schema.ts';
import type { Objects } from '../objects/objects.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { checkBucketName } from '../store/names.ts';
import { mostSeconds, mostVersions, type Retention } from '../store/retention.ts';
import type { Bucket, Store } from '../store/store.ts';
import { bodyOf } from './body.ts';
import type { Collecting } from './collecting.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface ContentServices {
  store: Pick<Store, 'buckets' | 'bucket' | 'createBucket' | 'retain' | 'removedBy'>;
  objects: Pick<Objects, 'forget'>;
  audit: AuditLog;
  /** Makes the workers drop kept plans whose epoch has changed, and close the files of those plans. */
  dropStalePlans(): Promise<void>;
  collector: Collecting;
  log: Logger;
}

/** Most bytes of a request body; a reason has at most 500 characters. */
const maxBody = 8 * 1024;

const why = z.string().min(1, { error: 'expected a reason' }).max(500);
const bucketSchema = z.strictObject({
  name: z.string(),
  kind: bucketKindSchema.default('write-once'),
  why: why.default('asked to'),
});
const forgetSchema = z.strictObject({
  digest: digestSchema,
  why,
});

const keepSchema = z.strictObject({
  versions: z.int().min(0).max(mostVersions).optional(),
  seconds: z.number().min(0).max(mostSeconds).optional(),
});
const setSchema = z.strictObject({
  name: z.string(),
  keep: z.union([z.literal('all'), keepSchema]),
  yes: z.boolean().default(false),
  why: why.default('asked to'),
});
const collectSchema = z.strictObject({
  dryRun: z.boolean().default(false),
  why: why.default('asked to'),
});

export function contentRoutes(services: ContentServices): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  const { log } = services;
  const limited = bodyLimit({
    maxSize: maxBody,
    onError: (c) => problem(c, 413, 'body-too-large', `expected at most ${maxBody} bytes`),
  });
  app.get('/buckets', (c) => c.json({ buckets: services.store.buckets().map(shownBucket) }));
  app.post('/buckets', limited, (c) => refusing(c, log, () => createBucket(c, services)));
  app.post('/buckets/set', limited, (c) => refusing(c, log, () => setBucket(c, services)));
  app.get('/gc', (c) => c.json(services.collector.status()));
  app.post('/gc', limited, (c) => refusing(c, log, () => collect(c, services)));
  app.post('/forget', limited, (c) => refusing(c, log, () => forget(c, services)));
  return app;
}

/** The JSON form of a bucket in every listing. Times are ISO 8601. */
export function shownBucket({ name, kind, created, keep }: Bucket) {
  return { name, kind, created: new Date(created).toISOString(), ...(keep && { keep }) };
}

/** Why a rule is not set without a further word; undefined: it removes nothing that there is. */
export async function objection(
  store: Pick<Store, 'removedBy'>,
  name: string,
  keep: Retention | undefined,
): Promise<string | undefined> {
  const { versions, bytes } = await store.removedBy(name, keep);
  if (versions === 0) return undefined;
  const removed = `${versions} older version${versions === 1 ? '' : 's'} of ${bytes} bytes`;
  return `bucket ${name} has ${removed} that would be removed after the grace time; say --yes to do so`;
}

async function setBucket(c: Context<ControlEnv>, { store, audit }: ContentServices): Promise<Response> {
  const asked = await bodyOf(c, setSchema, 'bucket-malformed');
  if (asked instanceof Response) return asked;
  const { name, yes, why } = asked;
  const keep = retentionOf(asked.keep);
  const against = yes ? undefined : await objection(store, name, keep);
  if (against !== undefined) return problem(c, 409, 'versions-would-be-removed', against);
  await audit.append({ who: whoOf(c), action: 'bucket-set', why, bucket: name, keep: keep ?? 'all' });
  await store.retain(name, keep);
  const set = store.bucket(name);
  return c.json(set && shownBucket(set));
}

function retentionOf(keep: z.infer<typeof setSchema>['keep']): Retention | undefined {
  if (keep === 'all') return undefined;
  const { versions, seconds } = keep;
  return { ...(versions !== undefined && { versions }), ...(seconds !== undefined && { seconds }) };
}

async function createBucket(c: Context<ControlEnv>, { store, audit }: ContentServices): Promise<Response> {
  const asked = await bodyOf(c, bucketSchema, 'bucket-malformed');
  if (asked instanceof Response) return asked;
  const { name, kind, why } = asked;
  checkBucketName(name);
  const known = store.bucket(name);
  // Recorded before it is done: no change without an author on record.
  if (!known) await audit.append({ who: whoOf(c), action: 'bucket-create', why, bucket: name, kind });
  await store.createBucket(name, kind);
  const made = store.bucket(name);
  return c.json(made && shownBucket(made), known ? 200 : 201);
}

async function forget(c: Context<ControlEnv>, services: ContentServices): Promise<Response> {
  const { objects, audit } = services;
  const asked = await bodyOf(c, forgetSchema, 'forget-malformed');
  if (asked instanceof Response) return asked;
  const { digest, why } = asked;
  await audit.append({ who: whoOf(c), action: 'forget', why, digest });
  try {
    const known = await objects.forget(digest, why);
    if (!known) throw new SealgateError('not-found', `There is no blob ${digest}.`);
  } finally {
    void services.dropStalePlans();
  }
  return c.json({ digest, forgotten: true });
}

async function collect(c: Context<ControlEnv>, { audit, collector }: ContentServices): Promise<Response> {
  const asked = await bodyOf(c, collectSchema, 'gc-malformed');
  if (asked instanceof Response) return asked;
  const { dryRun, why } = asked;
  if (!dryRun) await audit.append({ who: whoOf(c), action: 'gc', why });
  return c.json({ round: collector.begin(dryRun) }, 202);
}

async function refusing(c: Context, log: Logger, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SealgateError)) throw error;
    if (errors[error.code].status >= 500) log.error({ err: error, path: c.req.path }, 'a change failed');
    return problem(c, errors[error.code].status as ContentfulStatusCode, error.code, error.message);
  }
}
