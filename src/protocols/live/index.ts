// The protocol "live": a publishing point. A packager puts segments, init segments and playlists below its
// path, and players read them there.

import type { Protocol } from '../../sites/mount.ts';
import { Resources } from '../../sites/resources.ts';
import { deleteMedia } from './delete_media.ts';
import { type Point, pointName } from './point.ts';
import { putMedia } from './put_media.ts';
import { readMedia } from './read_media.ts';

export const live: Protocol = {
  parameters: [],
  encoders: true,
  named: ({ path: below, bucket = '', site }, path) => ({
    bucket,
    name: pointName({ path: below, prefix: site?.prefix ?? '' }, path),
  }),
  serve: (services, { path, bucket = '', site }) => {
    const { prefix = '', rewrite = 'refuse', window } = site ?? {};
    const point: Point = { services, path, bucket, prefix, rewrite, window };
    const put = putMedia(point);
    return new Resources({ path }).at('/:name{.+}', {
      GET: readMedia(point),
      PUT: put,
      POST: put,
      DELETE: deleteMedia(point),
    }).handle;
  },
};
