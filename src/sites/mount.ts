// Mount: where a protocol is served, and what a protocol is made with.

import type { Logger } from 'pino';
import type { TagField } from '../config/site_rules.ts';
import type { SiteConfig } from '../config/sites.ts';
import type { Handle } from '../engine/bridge.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import type { Coder } from '../objects/coder.ts';
import type { GrowingUploads } from '../objects/growing_uploads.ts';
import type { Name, Objects } from '../objects/objects.ts';
import type { ResumableUploads } from '../objects/resumable_uploads.ts';
import type { Uses } from '../store/uses.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { Authorize, Reach } from './authorize.ts';
import type { BuildCaches } from './build_caches.ts';
import type { Caching } from './caching.ts';
import type { WhileWriting } from './growing.ts';
import type { Negotiate } from './negotiation.ts';
import type { PublishingPoints } from './publishing_points.ts';

export interface Mount {
  /** A host name in lower case; `*.example.com`: every name below example.com; `*`: every host. */
  host: string;
  /** Where the paths begin that are the protocol's, with a slash at both ends. */
  path: string;
  /** The protocol: the name of its folder in src/protocols/. */
  protocol: string;
  /** The bucket that is served here, where the protocol serves one. */
  bucket?: string;
  /** What the configuration says of it; absent: it is none of the configured sites. */
  site?: SiteConfig;
}

/** What every protocol works with. It reaches the store through `objects` only. */
export interface Services {
  objects: Objects;
  coder: Coder;
  authorize: Authorize;
  /** Whether everybody may read: then the engine looks at no credentials. */
  openReads: boolean;
  /** The path of a site that is what is asked for with a slash at its end; undefined: there is none. */
  siteBelow?(request: EngineRequest): string | undefined;
  /** Whether shared caches may keep answers; absent: where everybody may read. */
  isPublic?: boolean;
  /** Which repositories a client may pull; absent: whether it may pull is a matter of the bucket. */
  reach?: Reach;
  /** When what sites keep was needed last, on the disk within a minute; absent: nobody notes it. */
  uses?: Pick<Uses, 'of' | 'note' | 'flush' | 'oldest'>;
  /** How sites authorize that ask for a token where others do not. */
  withTokens?: { authorize: Authorize; reach?: Reach };
  /** The caching rules of the site; absent: it has none. */
  caching?: Caching;
  /** In which fields an answer tells the tags of its object; absent: in none. */
  tagFields?: readonly TagField[];
  /** What is read of uploads while they arrive; absent: nothing is. */
  whileWriting?: WhileWriting;
  /** All uploads under way that somebody may read or wait for; absent: nobody may. */
  arriving?: GrowingUploads;
  /** Uploads in several requests, of all sites; absent: there is none. */
  uploads?: ResumableUploads;
  /** Those that the site takes; absent: it takes none. */
  resumable?: { uploads: ResumableUploads; expireAfter: number };
  /** Which coding of the bytes a client gets; absent: the site has none to offer. */
  negotiate?: Negotiate;
  /** Where mirrors fetch from; absent: there are no mirrors. */
  upstreams?: Upstreams;
  /** What publishing points have counted; absent: nobody asks. */
  points?: PublishingPoints;
  /** What build caches have counted; absent: nobody asks. */
  builds?: BuildCaches;
  log: Logger;
}

/** What a site is called in metrics; empty: the mount is none. */
export function siteName({ host, path, site }: Mount): string {
  return site ? (site.name ?? host + path) : '';
}

/** A protocol: what is served below a mount, and by what requests are told apart. */
export interface Protocol {
  /**
   * Parameters of a query that what is delivered depends on. The engine finds kept plans by the path and by
   * these alone: an answer that depends on any other must not be a plan that is kept.
   */
  parameters: readonly string[];
  /**
   * Names in its paths are opaque: `a/../b`, `a//b` and `%61` are what they are, whatever others read.
   * Without it a path is for the mount that its normal form belongs to (paths.ts), and for no other.
   */
  opaquePaths?: boolean;
  /** Whether it answers refused requests (`EngineRequest.refusal`) by itself, with pages of the site. */
  refusesItself?: boolean;
  /** Its clients are encoders: their connections go on while the server is replaced. */
  encoders?: boolean;
  /** The object that a path names, for people who ask why; undefined: none. May throw as `serve` does. */
  named?(mount: Mount, path: string): Name | undefined;
  /** The application for one mount. */
  serve(services: Services, mount: Mount): Handle;
}
