// The control plane behind its listener: metrics and application, as a handler for node:http. Loaded when it
// is first asked: a server that is starting, or that nobody looks at, does without its libraries.

import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Counters } from '../native/addon.ts';
import { type ControlServices, createControlApp } from './app.ts';
import { Metrics } from './metrics.ts';

export interface PlaneServices extends Omit<ControlServices, 'metrics'> {
  /** Totals of the server. */
  counters(): Counters;
  /** When each certificate in use ends, by its file, milliseconds since the epoch. */
  certificates(): ReadonlyMap<string, number>;
}

export function controlPlane(services: PlaneServices): RequestListener {
  const { config, connections, certificates, operation, sentinel, ktls, baseline } = services;
  const metrics = new Metrics(ktls, { store: config.store, connections, certificates }, baseline.kernel);
  const exposition = async () => ({
    text: await metrics.text(services.counters(), operation, sentinel()),
    contentType: metrics.contentType,
  });
  return getRequestListener(createControlApp({ ...services, metrics: exposition }).fetch);
}
