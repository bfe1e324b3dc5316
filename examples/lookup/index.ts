// lookup: a protocol whose answer depends on the body. POST /lookup/ with {"name": "world"} is answered as
// GET of the object "world.txt" would be. A small body is read into memory, up to a limit of its own.

import { readBody, respondJson } from '../../src/engine/plan.ts';
import { content } from '../../src/sites/content.ts';
import type { Protocol } from '../../src/sites/mount.ts';
import { Resources } from '../../src/sites/resources.ts';

export const lookup: Protocol = {
  parameters: [],
  serve: (services, { path, bucket = 'hello' }) =>
    new Resources({ path }).at('/', {
      POST: (request) => {
        const grant = services.authorize(request, 'read', bucket);
        return readBody(1024, async (body) => {
          const name = nameIn(body);
          if (name === undefined) return respondJson(400, { expected: { name: 'world' } });
          const found = await services.objects.get({ bucket, name: `${name}.txt` });
          const told = { contentType: 'text/plain; charset=utf-8', freshness: 'revalidate', grant } as const;
          return content(services, request, found, { ...told, created: found.ref.date, cache: found.epoch });
        });
      },
    }).handle,
};

function nameIn(body: Uint8Array): string | undefined {
  try {
    const { name } = JSON.parse(new TextDecoder().decode(body));
    return typeof name === 'string' && /^[a-z]+$/.test(name) ? name : undefined;
  } catch {
    return undefined;
  }
}
