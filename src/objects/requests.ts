// Requests: what a change of a name is asked for with, and what has become of the name.

import type { Digests } from '../digest.ts';
import type { Conditions, Hashed } from '../native/addon.ts';
import type { GivenFields, ObjectFields } from '../object_fields.ts';
import type { PutOutcome } from '../store/store.ts';
import type { Expiry } from '../store/time_to_live.ts';
import type { Standing } from './standing.ts';

export interface PutRequest {
  conditions: Conditions;
  /**
   * A name that was written since then, in milliseconds since the epoch, never gets other bytes, whatever the
   * kind of its bucket: `segment-taken`.
   */
  writeOnceSince?: number | undefined;
  /** The type that the client says; undefined: what the name and the bytes suggest. */
  mediaType?: string | undefined;
  /** All fields that the object is to have (store.ts). */
  fields?: GivenFields | undefined;
  /** When the source last changed, as the client says it: milliseconds since the epoch. */
  modified?: number | undefined;
  /** When the object is to end (store.ts). */
  expires?: Expiry | undefined;
  /** The SHA-256 that the client promises. */
  digest?: string | undefined;
  /** Further digests that it promises. */
  digests?: Digests | undefined;
  /** Bytes of the body, where they are known before it comes. */
  size?: number | undefined;
}

export interface CopyRequest {
  conditions: Conditions;
  /** False: a name that has something is refused. */
  overwrite?: boolean;
  /** A name that has been written since is refused. */
  over?: Standing;
}

/** What has become of a name. */
export interface Stored extends Hashed {
  outcome: PutOutcome;
  /** The recorded type; undefined when the name was deleted meanwhile and the request named no type. */
  mediaType: string | undefined;
  /** The recorded fields; undefined: there is none. */
  fields: ObjectFields | undefined;
  /** When its source last changed, as it is recorded (store.ts). */
  modified: number | undefined;
  /** When it ends, in milliseconds since the epoch; absent: never. */
  expires?: number;
}
