// /purges: what hooks have told caches, and what waits; and what operators ask of them.

import { Hono } from 'hono';
import * as z from 'zod';
import type { HookStatus } from '../purge/hook.ts';
import type { AuditLog } from '../rollout/audit_log.ts';
import { bodyOf } from './body.ts';
import { why } from './buckets.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface Purging {
  status(): HookStatus[];
  /** Tries again now what has failed. */
  retry(): void;
  /** Has all hooks purge everything. */
  everything(why: string): Promise<void>;
}

const everythingSchema = z.strictObject({ why: why.default('asked to') });

export function purgeRoutes(purges: Purging, audit: Pick<AuditLog, 'append'>): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.get('/', (c) => c.json({ hooks: purges.status() }));
  app.post('/retry', (c) => {
    purges.retry();
    return c.json({ hooks: purges.status() });
  });
  app.post('/everything', async (c) => {
    const asked = await bodyOf(c, everythingSchema, 'purge-malformed');
    if (asked instanceof Response) return asked;
    await audit.append({ who: whoOf(c), action: 'purge-everything', why: asked.why });
    await purges.everything(asked.why);
    return c.json({ hooks: purges.status() });
  });
  return app;
}
