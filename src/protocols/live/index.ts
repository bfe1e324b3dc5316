// The protocol "live": a publishing point. A packager puts segments, init segments and playlists below its
// path, and players read them there.

import { usualNames } from '../../config/sites.ts';
import { type Protocol, siteName } from '../../sites/mount.ts';
import { noTotals } from '../../sites/publishing_points.ts';
import { Resources } from '../../sites/resources.ts';
import { deleteMedia } from './delete_media.ts';
import { Placing } from './placing.ts';
import { Playlists } from './playlists.ts';
import { type Point, pointName } from './point.ts';
import { putMedia } from './put_media.ts';
import { readMedia } from './read_media.ts';
import { reloadParameters } from './reload.ts';

export const live: Protocol = {
  parameters: reloadParameters,
  encoders: true,
  named: ({ path: below, bucket = '', site }, path) => ({
    bucket,
    name: pointName({ path: below, prefix: site?.prefix ?? '' }, path),
  }),
  serve: (services, mount) => {
    const { path, bucket = '', site } = mount;
    const {
      prefix = '',
      rewrite = 'refuse',
      window,
      names = usualNames,
      blockingReload: offersWaiting = true,
    } = site ?? {};
    const totals = services.points?.of(siteName(mount)) ?? noTotals();
    const playlists = new Playlists({ path, bucket, prefix }, services.objects);
    const point: Point = {
      services,
      path,
      bucket,
      prefix,
      rewrite,
      window,
      names,
      totals,
      playlists,
      offersWaiting,
    };
    const placing = new Placing(point);
    const put = putMedia(point, placing);
    return new Resources({ path }).at('/:name{.+}', {
      GET: readMedia(point),
      PUT: put,
      POST: put,
      DELETE: deleteMedia(point, placing),
    }).handle;
  },
};
