// The control plane's application: what operators and their machines ask about the server itself.

import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { Readiness } from '../readiness.ts';
import { authorizeControl, type ControlAccess } from './authorize.ts';
import { type ContentServices, contentRoutes } from './content.ts';
import { ownPagesOnly } from './own_pages_only.ts';
import { pageRoutes } from './page.ts';
import { problem } from './problem.ts';
import { rolloutRoutes } from './rollout.ts';
import { type ViewServices, viewRoutes } from './views.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface ControlServices extends ViewServices {
  access: ControlAccess;
  /** The metrics' exposition and its media type. */
  metrics(): Promise<{ text: string; contentType: string }>;
  state(): 'starting' | 'ready' | 'draining';
  readiness: Readiness;
  content: Omit<ContentServices, 'audit'>;
  /** Reads certificates and keys again; rejects with the reason when they are refused. */
  reload(): Promise<void>;
}

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    frameAncestors: ["'none'"],
    formAction: ["'self'"],
  },
  referrerPolicy: 'no-referrer',
  // Loopback is asked in the clear.
  strictTransportSecurity: false,
});

export function createControlApp(services: ControlServices): Hono<ControlEnv> {
  const { metrics, state, readiness, sentinel, access } = services;
  const app = new Hono<ControlEnv>();
  app.use(headers, ownPagesOnly(access.tokens !== undefined), authorizeControl(access));
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics();
    return c.body(text, 200, { 'Content-Type': contentType });
  });
  app.get('/healthz', (c) => (state() === 'draining' ? c.text('draining\n', 503) : c.text('ok\n')));
  app.get('/readyz', async (c) => {
    const alarm = sentinel()?.alarm;
    const faults = [...(alarm === undefined ? [] : [alarm]), ...(await readiness.faults())];
    if (faults.length > 0) return c.text(`${faults.join('\n')}\n`, 503);
    return c.text(`${state()}\n`, state() === 'ready' ? 200 : 503);
  });
  app.get('/audit', (c) => c.json({ entries: services.operation.audit.recent(100) }));
  app.route('/rollout', rolloutRoutes(services.operation));
  app.route('/tls', tlsRoutes(services));
  app.route('/', contentRoutes({ ...services.content, audit: services.operation.audit }));
  app.route('/', viewRoutes(services));
  app.route('/', pageRoutes());
  return app;
}

function tlsRoutes({ reload, operation }: ControlServices): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.post('/reload', async (c) => {
    // On record first: a change that nobody can be asked about is none.
    await operation.audit.append({ who: whoOf(c), action: 'tls-reload', why: 'asked to' });
    try {
      await reload();
    } catch (cause) {
      return problem(c, 422, 'tls-refused', `${(cause as Error).message}; the certificates in use stay`);
    }
    return c.body(null, 204);
  });
  return app;
}
