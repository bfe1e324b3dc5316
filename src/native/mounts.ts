// Mounts as the engine knows them (native/server/mounts.h): it says of each request which one it is for, and
// keeps plans for each apart. Types only; addon.ts exports them with its own.

import type { ResponseField } from './plan.ts';

export interface EngineMount {
  /** From 1 on; 0 in a request says that no mount covers its path. */
  id: number;
  /** `name`, `*.name` or `*`, in lower case. */
  host: string;
  /** The path prefix, with a slash at both ends. */
  path: string;
  /** Everybody may read: no credentials are looked at, and no plan is used that needs a grant. */
  openReads: boolean;
  /** The parameters of a query that answers depend on: all others are left out of the key of a kept plan. */
  parameters: readonly string[];
  /** Answers may come in several content codings: a request's plan is found by those that it accepts, too. */
  codings?: boolean;
  /** Which pages of other origins may read what is served here; absent: none. */
  cors?: EngineCors;
  /** Whom it serves, by address and signature; absent: there is no such rule. */
  access?: EngineAccess;
  /** Of its site, in the access log and in counters; empty: it is none. */
  name: string;
  /** What media players say (CMCD, CTA-5004) is logged and counted. */
  cmcd?: boolean;
  /** Answers have Cache-Status. */
  cacheStatus?: boolean;
  /** A connection that an upload came by goes on while the server is replaced. */
  encoders?: boolean;
}

/** Whom a mount serves (native/server/access.h). */
export interface EngineAccess {
  /** Networks as `192.0.2.0/24`, or addresses; empty: all that are not denied. */
  allow: readonly string[];
  deny: readonly string[];
  signed?: {
    /** Host and path of the site, as signatures say it. */
    site: string;
    /** Whether reading takes a signature. */
    required: boolean;
    /** What a signature gives. */
    grant: string;
    /** `name`: of `EngineGrants.keys`. */
    keys: readonly { id: string; name: string }[];
  };
}

/** The id of the mount that the engine finds for a host and a path or target; 0: none covers it. */
export type MountTable = (authority: string, target: string) => number;

/** Cross-origin sharing (native/server/cors.h). */
export interface EngineCors {
  /** Every answer has `fields`, whatever its origin. */
  any: boolean;
  /** `https://name`, or `https://*.name` for every name below it. */
  origins: readonly string[];
  /** Names of fields whose value is the origin. */
  echoed: readonly string[];
  /** Further fields for an origin that is allowed. */
  fields: readonly ResponseField[];
}
