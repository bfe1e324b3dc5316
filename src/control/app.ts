// The control plane's application: what operators and their machines ask about the server itself.

import { Hono } from 'hono';

export interface ControlServices {
  /** The metrics' exposition and its media type. */
  metrics(): Promise<{ text: string; contentType: string }>;
  state(): 'starting' | 'ready' | 'draining';
}

export function createControlApp({ metrics, state }: ControlServices): Hono {
  const app = new Hono();
  app.get('/metrics', async (c) => {
    const { text, contentType } = await metrics();
    return c.body(text, 200, { 'Content-Type': contentType });
  });
  app.get('/healthz', (c) => (state() === 'draining' ? c.text('draining\n', 503) : c.text('ok\n')));
  app.get('/readyz', (c) => c.text(`${state()}\n`, state() === 'ready' ? 200 : 503));
  return app;
}
