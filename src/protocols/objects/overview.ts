// GET|HEAD /: what there is to ask for.

import { respondJson } from '../../engine/plan.ts';
import type { Route } from './services.ts';

export function index(): Route {
  return () =>
    respondJson(200, {
      server: 'sealgate',
      objects: '/o/{bucket}/{name}',
      listing: '/o/{bucket}/?prefix=&after=&limit=',
      blobs: '/sha256/{hex}',
    });
}
