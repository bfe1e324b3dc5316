// What the routes of this protocol work with.

import type { Services as Shared } from '../../sites/mount.ts';
import type { Route } from '../../sites/resources.ts';
import type { ShownBytes } from './shown_bytes.ts';

export interface Services extends Shared {
  /** The path of the mount without the slash at its end: what paths in answers begin with. */
  prefix: string;
  shownBytes: ShownBytes;
}

export type ObjectRoute = Route<'/o/:bucket/:name{.+}'>;
export type UploadRoute = Route<'/uploads/:id'>;
export type BucketRoute = Route<'/o/:bucket/'>;
export type DigestRoute = Route<'/sha256/:digest'>;
