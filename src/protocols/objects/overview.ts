// GET|HEAD /: what there is to ask for.

import { respondJson } from '../../engine/plan.ts';
import type { Route } from '../../sites/resources.ts';
import type { Services } from './services.ts';

export function overview({ prefix }: Services): Route {
  return () =>
    respondJson(200, {
      server: 'sealgate',
      objects: `${prefix}/o/{bucket}/{name}`,
      listing: `${prefix}/o/{bucket}/?prefix=&delimiter=&after=&limit=`,
      blobs: `${prefix}/sha256/{hex}`,
    });
}
