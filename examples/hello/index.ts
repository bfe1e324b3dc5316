// hello: a whole protocol. GET /hello/{name} delivers the object "{name}.txt" of the mount's bucket, by
// sendfile, with conditions and ranges, from a plan that the engine keeps until the bucket changes. PUT
// stores it.

import { receive, respond } from '../../src/engine/plan.ts';
import { conditionsOf } from '../../src/objects/conditions.ts';
import { content } from '../../src/sites/content.ts';
import type { Protocol } from '../../src/sites/mount.ts';
import { Resources } from '../../src/sites/resources.ts';

export const hello: Protocol = {
  parameters: [],
  serve: (services, { path, bucket = 'hello' }) => {
    const { objects, authorize } = services;
    return new Resources({ path }).at('/:name{[a-z]+}', {
      GET: async (request, { name }) => {
        const grant = authorize(request, 'read', bucket);
        const found = await objects.get({ bucket, name: `${name}.txt` });
        const told = { contentType: 'text/plain; charset=utf-8', freshness: 'revalidate', grant } as const;
        return content(services, request, found, { ...told, created: found.ref.date, cache: found.epoch });
      },
      PUT: (request, { name }) => {
        authorize(request, 'write', bucket);
        const at = { bucket, name: `${name}.txt` };
        const body = objects.put(at, { conditions: conditionsOf(request.headers) });
        return receive(body, ({ outcome }) => respond(outcome === 'created' ? 201 : 200));
      },
    }).handle;
  },
};
