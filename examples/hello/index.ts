// hello: a whole protocol. GET /hello/{name} delivers the object "{name}.txt" of the mount's bucket, by
// sendfile, with conditions and ranges, from a plan that the engine keeps until the bucket changes. The
// body of POST /hello/ names one in JSON, and the answer is that of its GET.

import type { EngineRequest } from '../../src/engine/engine_request.ts';
import { readBody, receive, respond, respondJson } from '../../src/engine/plan.ts';
import { conditionsOf } from '../../src/objects/conditions.ts';
import { content } from '../../src/sites/content.ts';
import type { Protocol } from '../../src/sites/mount.ts';
import { Resources } from '../../src/sites/resources.ts';

export const hello: Protocol = {
  parameters: [],
  serve: (services, { path, bucket = 'hello' }) => {
    const { objects, authorize } = services;
    const at = (captures: { name: string }) => ({ bucket, name: `${captures.name}.txt` });
    const greeting = async (request: EngineRequest, name: string, grant: string) => {
      const found = await objects.get(at({ name }));
      return content(services, request, found, {
        contentType: 'text/plain; charset=utf-8',
        freshness: 'revalidate',
        grant,
        created: found.ref.date,
        cache: found.epoch,
      });
    };
    const resources = new Resources({ path });
    resources.at('/', {
      POST: (request) => {
        const grant = authorize(request, 'read', bucket);
        return readBody(1024, (body) => {
          const name = nameIn(body);
          if (name === undefined) return respondJson(400, { expected: { name: 'world' } });
          return greeting(request, name, grant);
        });
      },
    });
    resources.at('/:name{[a-z]+}', {
      GET: (request, { name }) => greeting(request, name, authorize(request, 'read', bucket)),
      PUT: (request, captures) => {
        authorize(request, 'write', bucket);
        const body = objects.put(at(captures), { conditions: conditionsOf(request.headers) });
        return receive(body, ({ outcome }) => respond(outcome === 'created' ? 201 : 200));
      },
    });
    return resources.handle;
  },
};

function nameIn(body: Uint8Array): string | undefined {
  try {
    const { name } = JSON.parse(new TextDecoder().decode(body));
    return typeof name === 'string' && /^[a-z]+$/.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
