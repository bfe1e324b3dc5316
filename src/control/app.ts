// The control plane's application: what operators and their machines ask about the server itself.

import { Hono } from 'hono';
import type { Guard } from '../rollout/guard.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { ownPagesOnly } from './own_pages_only.ts';
import { rolloutRoutes } from './rollout.ts';
import type { ControlEnv } from './who.ts';

const problemType = { 'Content-Type': 'application/problem+json' };

export interface ControlServices {
  /** The metrics' exposition and its media type. */
  metrics(): Promise<{ text: string; contentType: string }>;
  state(): 'starting' | 'ready' | 'draining';
  /** Reads certificates and keys again; rejects with the reason when they are refused. */
  reload(): Promise<void>;
  rollout: Rollout;
  guard: Guard;
}

export function createControlApp(services: ControlServices): Hono<ControlEnv> {
  const { metrics, state, reload, rollout, guard } = services;
  const app = new Hono<ControlEnv>();
  app.use(ownPagesOnly);
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics();
    return c.body(text, 200, { 'Content-Type': contentType });
  });
  app.get('/healthz', (c) => (state() === 'draining' ? c.text('draining\n', 503) : c.text('ok\n')));
  app.get('/readyz', (c) => c.text(`${state()}\n`, state() === 'ready' ? 200 : 503));
  app.post('/tls/reload', async (c) => {
    try {
      await reload();
      return c.body(null, 204);
    } catch (cause) {
      const detail = `${(cause as Error).message}; the certificates in use stay`;
      return c.json({ title: 'tls-refused', status: 422, detail }, 422, problemType);
    }
  });
  app.route('/rollout', rolloutRoutes(rollout, guard));
  return app;
}
