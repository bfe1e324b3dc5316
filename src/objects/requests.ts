// Requests: what a change of a name is asked for with.

import type { Digests } from '../digest.ts';
import type { Conditions } from '../native/addon.ts';
import type { GivenFields } from '../object_fields.ts';

export interface PutRequest {
  conditions: Conditions;
  /** The type that the client says; undefined: what the name and the bytes suggest. */
  mediaType?: string | undefined;
  /** All fields that the object is to have (store.ts). */
  fields?: GivenFields | undefined;
  /** When the source last changed, as the client says it: milliseconds since the epoch. */
  modified?: number | undefined;
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
}
