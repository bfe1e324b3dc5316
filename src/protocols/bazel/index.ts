// The protocol "bazel": a bucket as the HTTP cache of Bazel, for the results of actions and for what they
// made.

import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, respond } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Mount, Protocol } from '../../sites/mount.ts';
import { putBlob, readBlob } from './blobs.ts';
import { type Cache, type CacheRoute, cacheOf, entryAt, nameOf, noEntry } from './cache.ts';
import { IncompleteError, plainAnswer, withRefusals } from './refusals.ts';
import { Results } from './results.ts';

type Methods = Record<string, CacheRoute>;

export const bazel: Protocol = {
  parameters: [],
  named: ({ path: own, bucket = '', site }: Mount, path) => {
    const entry = entryAt(own, path);
    return entry && nameOf({ bucket, prefix: site?.prefix ?? '' }, entry);
  },
  serve: (services, mount) => {
    const cache = cacheOf(services, mount);
    const results = new Results(cache);
    const routes: Record<'ac' | 'cas', Methods> = {
      ac: { GET: results.read, PUT: results.put },
      cas: { GET: readBlob(cache), PUT: putBlob(cache) },
    };
    const { log } = services;
    return (request) => {
      const refused = (status: number, error: unknown) =>
        countRefusal(cache, mount.path, request, status, error);
      const how = { log, request: request.path, refused };
      return withRefusals(() => answer(routes, mount.path, request), how);
    };
  },
};

function countRefusal(
  { totals }: Cache,
  own: string,
  { method, path }: EngineRequest,
  status: number,
  error: unknown,
): void {
  const kind = entryAt(own, path)?.kind === 'ac' ? 'result' : 'blob';
  if (method === 'PUT' && status !== 401 && status !== 403) totals.count(kind, 'refused');
  if (method !== 'PUT' && status === 404)
    totals.count(kind, error instanceof IncompleteError ? 'incomplete' : 'absent');
}

function answer(
  routes: Record<'ac' | 'cas', Methods>,
  own: string,
  request: EngineRequest,
): Answer | Promise<Answer> {
  const entry = entryAt(own, request.path) ?? noEntry();
  const { method } = request;
  const route = routes[entry.kind][method === 'HEAD' ? 'GET' : method];
  if (route) return route(request, entry);
  const allow = [['Allow', 'GET, HEAD, PUT, OPTIONS']] as const;
  if (method === 'OPTIONS') return respond(204, allow);
  const { message } = new SealgateError('method-not-allowed');
  return plainAnswer(405, message, allow);
}
