// The control plane as a request handler for node:http: metrics and Hono application. It is imported at the
// first request, so that starting the server does not load its libraries.

import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Counters } from '../native/addon.ts';
import { type ControlServices, createControlApp } from './app.ts';
import { largestBuckets } from './bucket_metrics.ts';
import { Metrics } from './metrics.ts';

export interface PlaneServices extends Omit<ControlServices, 'metrics'> {
  /** Totals of the engine. */
  counters(): Counters;
  /** Expiry of each certificate in use, by its file, in milliseconds since the epoch. */
  certificates(): ReadonlyMap<string, number>;
}

export function controlPlane(services: PlaneServices): RequestListener {
  const { config, connections, certificates, operation, sentinel, ktls, baseline, sites, registries } =
    services;
  const { store } = services.content;
  const host = { store: config.store, connections, certificates };
  const buckets = () => largestBuckets(store);
  const metrics = new Metrics(ktls, host, baseline.kernel, {
    ...{ buckets, sites },
    repositories: (most) => registries.largest(most),
  });
  const exposition = async () => ({
    text: await metrics.text(services.counters(), operation, sentinel()),
    contentType: metrics.contentType,
  });
  return getRequestListener(createControlApp({ ...services, metrics: exposition }).fetch);
}
