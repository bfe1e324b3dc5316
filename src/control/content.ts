// /buckets, /forget and /gc: changes to the store while the server runs.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import * as z from 'zod';
import { errors, SealgateError } from '../errors.ts';
import { digestSchema } from '../object_schema.ts';
import type { Objects } from '../objects/objects.ts';
import { bodyOf } from './body.ts';
import { type BucketServices, bucketRoutes, why } from './buckets.ts';
import type { Collecting } from './collecting.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface ContentServices extends BucketServices {
  objects: Pick<Objects, 'forget' | 'setBucket'>;
  /** Makes the workers drop kept plans whose epoch has changed, and close the files of those plans. */
  dropStalePlans(): Promise<void>;
  collector: Collecting;
  log: Logger;
}

/** Most bytes of a request body; a reason has at most 500 characters. */
const maxBody = 8 * 1024;

const forgetSchema = z.strictObject({
  digest: digestSchema,
  why,
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
  app.use('/buckets/*', limited);
  app.route(
    '/',
    bucketRoutes(services, (c, work) => refusing(c, log, work)),
  );
  app.get('/gc', (c) => c.json(services.collector.status()));
  app.post('/gc', limited, (c) => refusing(c, log, () => collect(c, services)));
  app.post('/forget', limited, (c) => refusing(c, log, () => forget(c, services)));
  return app;
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
