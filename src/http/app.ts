// The data plane's application: which route answers which method of which resource.

import { Hono } from 'hono';
import type { EngineRequest } from '../delivery/engine_request.ts';
import type { Handle } from '../delivery/front_end.ts';
import { type Answer, problem, problemFrom, respond } from '../delivery/plan.ts';
import { deleteObject } from './delete_object.ts';
import { index } from './index.ts';
import { listBucket } from './list_bucket.ts';
import { putDigest } from './put_digest.ts';
import { putObject } from './put_object.ts';
import { readDigest } from './read_digest.ts';
import { readObject } from './read_object.ts';
import type { Route, Services } from './services.ts';

/** The engine presents HEAD as GET. */
type Resource = Partial<Record<'GET' | 'PUT' | 'DELETE', Route>>;

export function createApp(services: Services): Handle {
  // Routing is on the path as it was sent: decoding is each route's, once (target.ts).
  const app = new Hono({ getPath: (request) => (request as unknown as EngineRequest).path });
  addResource(app, '/', { GET: index() });
  addResource(app, '/sha256/:digest', { GET: readDigest(services), PUT: putDigest(services) });
  addResource(app, '/o/:bucket/', { GET: listBucket(services) });
  addResource(app, '/o/:bucket/:name{.+}', {
    GET: readObject(services),
    PUT: putObject(services),
    DELETE: deleteObject(services),
  });
  app.notFound(() => asResponse(problem('not-found')));
  app.onError((error) => asResponse(problemFrom(error, services.log)));
  // Hono hands requests and results through by identity, so they need not be the costly Request and Response.
  return (request) => app.fetch(request as unknown as Request) as unknown as Answer | Promise<Answer>;
}

function addResource(app: Hono, path: string, resource: Resource): void {
  const allow = `Allow: ${Object.keys(resource).join(', ').replace('GET', 'GET, HEAD')}, OPTIONS\r\n`;
  for (const [method, route] of Object.entries(resource)) {
    app.on(method, path, (c) => asResponse(route(c.req.raw as unknown as EngineRequest)));
  }
  app.options(path, () => asResponse(respond(204, allow)));
  app.all(path, () => asResponse(problem('method-not-allowed', undefined, allow)));
}

function asResponse(answer: Answer | Promise<Answer>): Response {
  return answer as unknown as Response;
}
