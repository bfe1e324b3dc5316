// Mount: where a protocol is served, and what a protocol is made with.

import type { Logger } from 'pino';
import type { Handle } from '../engine/bridge.ts';
import type { Coder } from '../objects/coder.ts';
import type { Objects } from '../objects/objects.ts';
import type { SiteConfig } from '../sites_schema.ts';
import type { Authorize } from './authorize.ts';
import type { Caching } from './caching.ts';
import type { Negotiate } from './negotiation.ts';

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
  /** The caching rules of the site; absent: it has none. */
  caching?: Caching;
  /** Which coding of the bytes a client gets; absent: the site has none to offer. */
  negotiate?: Negotiate;
  log: Logger;
}

/** A protocol: what is served below a mount, and by what requests are told apart. */
export interface Protocol {
  /**
   * Parameters of a query that what is delivered depends on. The engine finds kept plans by the path and by
   * these alone: an answer that depends on any other must not be a plan that is kept.
   */
  parameters: readonly string[];
  /** The application for one mount. */
  serve(services: Services, mount: Mount): Handle;
}
