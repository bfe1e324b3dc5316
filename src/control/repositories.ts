// /repositories: what registries have, what keeps a blob in them, and what operators remove. Each request is
// of a page, of one repository, or of one round.

import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as z from 'zod';
import { errors, SealgateError } from '../errors.ts';
import { RegistryError } from '../protocols/oci/errors.ts';
import type { Operating } from '../protocols/oci/operating.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { bodyOf } from './body.ts';
import { why } from './buckets.ts';
import { problem } from './problem.ts';
import { type ControlEnv, whoOf } from './who.ts';

const bucket = z.string().min(1).max(63);
const repository = z.string().min(1).max(1300);
const removeSchema = z.strictObject({
  bucket,
  repository,
  reference: z.string().min(1).max(200).optional(),
  yes: z.boolean().default(false),
  why: why.default('asked to'),
});
const tidySchema = z.strictObject({
  dryRun: z.boolean().default(false),
  only: z.strictObject({ bucket, name: repository }).optional(),
  why: why.default('asked to'),
});

export function repositoryRoutes(registries: Operating, audit: Pick<AuditLog, 'append'>): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.get('/', (c) => refusing(c, async () => c.json(await registries.list(c.req.query('after') ?? ''))));
  app.get('/tags', (c) =>
    refusing(c, async () => {
      const { bucket = '', repository = '' } = c.req.query();
      return c.json({ tags: await registries.tags(bucket, repository) });
    }),
  );
  app.get('/why', (c) =>
    refusing(c, async () => c.json({ kept: await registries.why(c.req.query('digest') ?? '') })),
  );
  app.post('/remove', async (c) => {
    const asked = await bodyOf(c, removeSchema, 'removal-malformed');
    if (asked instanceof Response) return asked;
    const { why, ...removal } = asked;
    const { yes, ...what } = removal;
    if (yes) await audit.append({ who: whoOf(c), action: 'repository-remove', why, ...what });
    return refusing(c, async () => c.json(await registries.remove(removal)));
  });
  app.post('/tidy', async (c) => {
    const asked = await bodyOf(c, tidySchema, 'tidy-malformed');
    if (asked instanceof Response) return asked;
    const { dryRun, only, why } = asked;
    if (!dryRun) await audit.append({ who: whoOf(c), action: 'repository-tidy', why, ...only });
    return refusing(c, async () => c.json(await registries.upkeep({ dryRun, ...(only && { only }) })));
  });
  return app;
}

async function refusing(c: Context, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RegistryError)
      return problem(c, error.status as ContentfulStatusCode, 'registry-refused', error.message);
    if (!(error instanceof SealgateError)) throw error;
    return problem(c, errors[error.code].status as ContentfulStatusCode, error.code, error.message);
  }
}
