// The protocol "mirror": what upstreams have, fetched when it is first asked for, verified, and kept.

import type { Protocol } from '../../sites/mount.ts';
import { Resources } from '../../sites/resources.ts';
import { mirrorOf } from './mirror.ts';
import { mirrorName, readMirrored } from './read_object.ts';

export const mirror: Protocol = {
  parameters: [],
  named: ({ path: below, bucket = '', site }, path) => ({
    bucket,
    name: (site?.prefix ?? '') + mirrorName({ path: below }, path),
  }),
  serve: (services, mount) =>
    new Resources(mount).at('/:name{.*}', { GET: readMirrored(mirrorOf(services, mount)) }).handle,
};
