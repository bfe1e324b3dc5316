// The protocol "mirror": what upstreams have, fetched when it is first asked for, verified, and kept.

import type { Protocol } from '../../sites/mount.ts';
import { Resources } from '../../sites/resources.ts';
import { kinds } from './kinds.ts';
import { mirrorOf } from './mirror.ts';
import { mirrorName } from './read_object.ts';

export const mirror: Protocol = {
  parameters: [],
  named: ({ path: below, bucket = '', site }, path) => ({
    bucket,
    name: (site?.prefix ?? '') + mirrorName({ path: below }, path),
  }),
  serve: (services, mount) => {
    const mirror = mirrorOf(services, mount);
    return kinds[mirror.settings.kind](mirror, new Resources(mount)).handle;
  },
};
