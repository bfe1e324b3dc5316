// /buckets and /forget: changes to the store while the server runs.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import * as z from 'zod';
import { isDigest } from '../digest.ts';
import { errors, SealgateError } from '../errors.ts';
import type { Objects } from '../objects/objects.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { checkBucketName } from '../store/names.ts';
import type { Store } from '../store/store.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface ContentServices {
  store: Pick<Store, 'buckets' | 'bucket' | 'createBucket'>;
  objects: Pick<Objects, 'forget'>;
  audit: AuditLog;
  /** Makes the workers drop kept plans whose epoch has changed, and close the files of those plans. */
  dropStalePlans(): void;
  log: Logger;
}

/** Most bytes of a request body; a reason has at most 500 characters. */
const maxBody = 8 * 1024;

const why = z.string().min(1, { error: 'expected a reason' }).max(500);
const bucketSchema = z.strictObject({
  name: z.string(),
  kind: z.enum(['write-once', 'versioned']).default('write-once'),
  why: why.default('asked to'),
});
const forgetSchema = z.strictObject({
  digest: z.string().refine(isDigest, { error: 'expected 64 lower-case hex digits' }),
  why,
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
  app.post('/forget', limited, (c) => refusing(c, log, () => forget(c, services)));
  return app;
}

/** The JSON form of a bucket in every listing. Times are ISO 8601. */
export function shownBucket({ name, kind, created }: ReturnType<Store['buckets']>[number]) {
  return { name, kind, created: new Date(created).toISOString() };
}

async function createBucket(c: Context<ControlEnv>, { store, audit }: ContentServices): Promise<Response> {
  const asked = bucketSchema.safeParse(await c.req.json().catch(() => undefined));
  if (!asked.success) return problem(c, 400, 'bucket-malformed', z.prettifyError(asked.error));
  const { name, kind, why } = asked.data;
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
  const asked = forgetSchema.safeParse(await c.req.json().catch(() => undefined));
  if (!asked.success) return problem(c, 400, 'forget-malformed', z.prettifyError(asked.error));
  const { digest, why } = asked.data;
  await audit.append({ who: whoOf(c), action: 'forget', why, digest });
  try {
    const known = await objects.forget(digest, why);
    if (!known) throw new SealgateError('not-found', `There is no blob ${digest}.`);
  } finally {
    services.dropStalePlans();
  }
  return c.json({ digest, forgotten: true });
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
