// /rollout: the state of the kernel TLS rollout, changes to it, and rollback.

import { Hono } from 'hono';
import * as z from 'zod';
import { askedChangeSchema, reasonSchema } from '../config/rollout.ts';
import type { Operation } from '../rollout/operation.ts';
import { RolloutRefused } from '../rollout/rollout.ts';
import { bodyOf } from './body.ts';
import { problem } from './problem.ts';
import { traffic } from './views.ts';
import { type ControlEnv, whoOf } from './who.ts';

/** A rollback needs no reason: in an emergency nobody should have to write one first. */
const rollBackSchema = z.strictObject({ why: reasonSchema.default('asked to') }).prefault({});

export function rolloutRoutes({ rollout, guard, samples }: Operation): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  const view = () => ({ ...rollout.view(), guard: guard.status(), traffic: traffic(samples) });
  app.get('/', (c) => c.json(view()));
  app.post('/', async (c) => {
    const asked = await bodyOf(c, askedChangeSchema, 'change-malformed');
    if (asked instanceof Response) return asked;
    const { why, force, ...change } = asked;
    try {
      await rollout.change(change, { who: whoOf(c), why }, force);
    } catch (error) {
      if (error instanceof RolloutRefused) return problem(c, 409, 'rollout-refused', error.message);
      throw error;
    }
    return c.json(view());
  });
  app.post('/rollback', async (c) => {
    const asked = await bodyOf(c, rollBackSchema, 'change-malformed');
    if (asked instanceof Response) return asked;
    await rollout.rollBack({ who: whoOf(c), why: asked.why });
    return c.json(view());
  });
  return app;
}
