// /mirrors: what mirrors keep, and what operators ask of them. Each request is of a bounded number of names.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as z from 'zod';
import { errors, SealgateError } from '../errors.ts';
import { faultOfPattern } from '../path_pattern.ts';
import { isPattern, type Operating } from '../protocols/mirror/operating.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { maxNameBytes } from '../store/names.ts';
import { inTurns } from '../turns.ts';
import { bodyOf } from './body.ts';
import { why } from './buckets.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

/** Names of one request, of a page, and how many of them are asked for at a time. */
const mostNames = 32;
const pageSize = 500;
const atATime = 8;
const maxBody = 1024 * 1024;

const text = z.string().max(8192);
const name = z.string().min(1).max(maxNameBytes);
const bucket = z.string().min(1).max(63);
const warmSchema = z.strictObject({ what: z.array(text.min(1)).min(1).max(mostNames) });
const checkSchema = z.strictObject({ bucket, names: z.array(name).min(1).max(mostNames) });
const forgetSchema = z.strictObject({
  bucket,
  pattern: z
    .string()
    .min(1)
    .max(maxNameBytes)
    .superRefine((pattern, context) => {
      const fault = isPattern(pattern) ? faultOfPattern(`/${pattern}`) : undefined;
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    }),
  after: text.default(''),
  why: why.default('asked to'),
});

export function mirrorRoutes(mirrors: Operating, audit: Pick<AuditLog, 'append'>): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  const onError = (c: Context) => problem(c, 413, 'body-too-large', `expected at most ${maxBody} bytes`);
  app.use('*', bodyLimit({ maxSize: maxBody, onError }));
  app.get('/', (c) => c.json({ mirrors: mirrors.status() }));
  app.get('/objects', (c) =>
    refusing(c, async () => {
      const { bucket = '', prefix = '', after = '' } = c.req.query();
      return c.json(await mirrors.list(bucket, { prefix, after, limit: pageSize }));
    }),
  );
  app.post('/warm', async (c) => {
    const asked = await bodyOf(c, warmSchema, 'warm-malformed');
    if (asked instanceof Response) return asked;
    return c.json({ warmed: await each(asked.what, (what) => mirrors.warm(what)) });
  });
  app.post('/check', async (c) => {
    const asked = await bodyOf(c, checkSchema, 'check-malformed');
    if (asked instanceof Response) return asked;
    const { bucket, names } = asked;
    return refusing(c, async () =>
      c.json({ checked: await each(names, (name) => mirrors.check(bucket, name)) }),
    );
  });
  app.post('/forget', async (c) => {
    const asked = await bodyOf(c, forgetSchema, 'forget-malformed');
    if (asked instanceof Response) return asked;
    const { bucket, pattern, after, why } = asked;
    // Once for all pages.
    if (after === '') await audit.append({ who: whoOf(c), action: 'mirror-forget', why, bucket, pattern });
    const prefix = /^[^*?{[]*/.exec(pattern)?.[0] ?? '';
    return refusing(c, async () =>
      c.json(await mirrors.forget(bucket, { pattern, prefix, after, limit: pageSize })),
    );
  });
  return app;
}

/** The results, in the order of the items. */
async function each<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  await inTurns(items.entries(), atATime, async ([i, item]) => {
    results[i] = await work(item);
  });
  return results;
}

async function refusing(c: Context, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SealgateError)) throw error;
    return problem(c, errors[error.code].status as ContentfulStatusCode, error.code, error.message);
  }
}
