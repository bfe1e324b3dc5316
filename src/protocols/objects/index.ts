// The data plane's application: which route answers which method of which resource.

import { Hono } from 'hono/tiny';
import type { Handle } from '../../engine/bridge.ts';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { type Answer, problem, problemFrom, respond } from '../../engine/plan.ts';
import { copyDigest, copyObject } from './copy_object.ts';
import { deleteObject } from './delete_object.ts';
import { listBucket } from './list_bucket.ts';
import { index } from './overview.ts';
import { putDigest } from './put_digest.ts';
import { putObject } from './put_object.ts';
import { readDigest } from './read_digest.ts';
import { readObject } from './read_object.ts';
import type { Route, Services } from './services.ts';

/** The engine presents HEAD as GET. */
type Resource = Partial<Record<'GET' | 'PUT' | 'DELETE' | 'COPY', Route>>;

export function createApp(services: Services): Handle {
  // Routing is on the path as it was sent: decoding is each route's, once (target.ts).
  const getPath = (request: Request) => (request as unknown as EngineRequest).path;
  const app = new Hono({ getPath });
  // Of its own: where several routes match, Hono makes a chain of them for each request.
  const otherMethods = new Hono({ getPath });
  const resource = (path: string, routes: Resource) => {
    for (const [method, route] of Object.entries(routes)) {
      app.on(method, path, (c) => asResponse(route(c.req.raw as unknown as EngineRequest)));
    }
    const allow = `Allow: ${Object.keys(routes).join(', ').replace('GET', 'GET, HEAD')}, OPTIONS\r\n`;
    app.options(path, () => asResponse(respond(204, allow)));
    otherMethods.all(path, () => asResponse(problem('method-not-allowed', undefined, allow)));
  };
  resource('/', { GET: index() });
  resource('/sha256/:digest', {
    GET: readDigest(services),
    PUT: putDigest(services),
    COPY: copyDigest(services),
  });
  resource('/o/:bucket/', { GET: listBucket(services) });
  resource('/o/:bucket/:name{.+}', {
    GET: readObject(services),
    PUT: putObject(services),
    DELETE: deleteObject(services),
    COPY: copyObject(services),
  });
  app.notFound((c) => otherMethods.fetch(c.req.raw));
  otherMethods.notFound(() => asResponse(problem('not-found')));
  app.onError((error) => asResponse(problemFrom(error, services.log)));
  // Hono hands requests and results through by identity, so they need not be the costly Request and Response.
  return (request) => app.fetch(request as unknown as Request) as unknown as Answer | Promise<Answer>;
}

function asResponse(answer: Answer | Promise<Answer>): Response {
  return answer as unknown as Response;
}
