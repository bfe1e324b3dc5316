// The control plane's Hono application: health, metrics, status, rollout and store management for operators.

import { type Context, Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { Operating } from '../protocols/mirror/operating.ts';
import type { Operating as Registries } from '../protocols/oci/operating.ts';
import { faultsOf } from '../readiness.ts';
import { authorizeControl, type ControlAccess } from './authorize.ts';
import { type ContentServices, contentRoutes } from './content.ts';
import { mirrorRoutes } from './mirrors.ts';
import { pageRoutes } from './page.ts';
import { problem } from './problem.ts';
import { purgeRoutes } from './purging.ts';
import { repositoryRoutes } from './repositories.ts';
import { rolloutRoutes } from './rollout.ts';
import { sameOrigin } from './same_origin.ts';
import { type ViewServices, viewRoutes } from './views.ts';
import { type ControlEnv, whoOf } from './who.ts';

export interface ControlServices extends ViewServices {
  access: ControlAccess;
  /** The metrics as text, and their media type. */
  metrics(): Promise<{ text: string; contentType: string }>;
  state(): 'starting' | 'ready' | 'draining';
  content: Omit<ContentServices, 'audit'>;
  /** Reads certificates and keys again. Rejects with the reason when they cannot be used. */
  reloadTls(): Promise<void>;
  /** Reads all again that can be, and resolves with what changed. Rejects with the reasons when it cannot. */
  reload(): Promise<object>;
  /** What `reload` would change. Rejects with the reasons why it would be refused. */
  previewReload(): Promise<object>;
  mirrors: Operating;
  registries: Registries;
  /** What a URL is answered with, and why; undefined: it is none. */
  explain(url: string): Promise<object> | undefined;
}

/** The longest URL that is explained: with a longer one the request for it would not fit node:http. */
const maxUrlCharacters = 8192;

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    frameAncestors: ["'none'"],
    formAction: ["'self'"],
  },
  referrerPolicy: 'no-referrer',
  // The listener on loopback has no TLS, so HSTS would lock browsers out.
  strictTransportSecurity: false,
});

export function createControlApp(services: ControlServices): Hono<ControlEnv> {
  const { metrics, state, readiness, sentinel, access } = services;
  const app = new Hono<ControlEnv>();
  app.use(headers, sameOrigin(access.tokens !== undefined), authorizeControl(access));
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics();
    return c.body(text, 200, { 'Content-Type': contentType });
  });
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', async (c) => {
    const faults = await faultsOf(sentinel(), readiness);
    if (faults.length > 0) return c.text(`${faults.join('\n')}\n`, 503);
    return c.text(`${state()}\n`, state() === 'ready' ? 200 : 503);
  });
  app.get('/audit', (c) => c.json({ entries: services.operation.audit.recent(100) }));
  app.get('/explain', async (c) => {
    const url = c.req.query('url') ?? '';
    const said = url.length > maxUrlCharacters ? undefined : await services.explain(url);
    const expected = 'url: expected one like https://www.example.com/a, percent-encoded, without a user';
    return said ? c.json(said) : problem(c, 400, 'url-invalid', expected);
  });
  app.route('/rollout', rolloutRoutes(services.operation));
  app.route('/purges', purgeRoutes(services.purges, services.operation.audit));
  app.route('/mirrors', mirrorRoutes(services.mirrors, services.operation.audit));
  app.route('/repositories', repositoryRoutes(services.registries, services.operation.audit));
  app.route('/', reloadRoutes(services));
  app.route('/', contentRoutes({ ...services.content, audit: services.operation.audit }));
  app.route('/', viewRoutes(services));
  app.route('/', pageRoutes());
  return app;
}

function reloadRoutes({ reload, previewReload, reloadTls, operation }: ControlServices): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  // Recorded before it is done: no change without an author on record.
  const record = (c: Context<ControlEnv>, action: string) =>
    operation.audit.append({ who: whoOf(c), action, why: 'asked to' });
  app.post('/tls/reload', async (c) => {
    await record(c, 'tls-reload');
    try {
      await reloadTls();
    } catch (cause) {
      return problem(c, 422, 'tls-refused', `${(cause as Error).message}; the certificates in use stay`);
    }
    return c.body(null, 204);
  });
  app.get('/reload', async (c) => {
    try {
      return c.json(await previewReload());
    } catch (cause) {
      return problem(c, 422, 'reload-refused', (cause as Error).message);
    }
  });
  app.post('/reload', async (c) => {
    await record(c, 'reload');
    try {
      return c.json(await reload());
    } catch (cause) {
      return problem(c, 422, 'reload-refused', `${(cause as Error).message}; what was in use stays`);
    }
  });
  return app;
}
