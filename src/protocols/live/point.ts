// A publishing point: a bucket, or what begins with a prefix in it, below a path.

import type { SiteConfig } from '../../config/sites.ts';
import { SealgateError } from '../../errors.ts';
import type { Services } from '../../sites/mount.ts';
import { decodedPath, resolvedPath } from '../../sites/paths.ts';
import type { PointTotals } from '../../sites/publishing_points.ts';
import type { Route } from '../../sites/resources.ts';
import { checkObjectName } from '../../store/names.ts';
import type { Playlists } from './playlists.ts';

export type MediaRoute = Route<'/:name{.+}'>;

export interface Point {
  services: Services;
  /** Where it begins, as clients send it, with a slash at both ends. */
  path: string;
  bucket: string;
  /** What names in the bucket begin with. */
  prefix: string;
  /** What becomes of a segment that comes again with other bytes. */
  rewrite: NonNullable<SiteConfig['rewrite']>;
  window: SiteConfig['window'];
  names: Required<NonNullable<SiteConfig['names']>>;
  totals: PointTotals;
  playlists: Playlists;
  /** Whether players are told that they may wait for the next segment. */
  offersWaiting: boolean;
}

/** The name in the bucket that a path is for. Throws `target-invalid`. */
export function pointName({ path: own, prefix }: Pick<Point, 'path' | 'prefix'>, path: string): string {
  const sent = decodedPath(path.slice(own.length));
  const resolved = sent === undefined ? undefined : resolvedPath(sent);
  if (!resolved || resolved.isFolder)
    throw new SealgateError('target-invalid', 'The request path names no file of the publishing point.');
  const name = prefix + resolved.name;
  checkObjectName(name);
  return name;
}
