// What the application and a thread for packuments (documents.ts) say to each other.

import type { DigestName } from '../../digest.ts';
import type { Hashed } from '../../native/addon.ts';
import type { Dist } from './packument.ts';

/** A staging file to be written, and the digests that are wanted of it. */
export interface Staged {
  path: string;
  digests: readonly DigestName[];
}

export interface DeriveTask {
  /** File of the packument as its upstream sent it. */
  file: string;
  name: string;
  /** URL that tarballs have here. */
  base: string;
  /** File of the index so far; absent: there is none. */
  before?: string | undefined;
  full: Staged;
  abbreviated: Staged;
  index: Staged;
}

export type DeriveResult =
  | { refused: string }
  | { full: Hashed; abbreviated: Hashed; index: Hashed; changed: string[] };

export interface FindTask {
  /** File of an index. */
  index: string;
  file: string;
}

export type FindResult = Dist | undefined;

export interface TagsTask {
  /** File of a packument. */
  file: string;
  name: string;
}

/** What a client asks to change of a package. */
export type Change =
  /** @property body file with what `npm publish` or `npm deprecate` sends. */
  | { kind: 'document'; body: string }
  /** @property version undefined: the tag is removed. */
  | { kind: 'tag'; tag: string; version: string | undefined };

export interface ChangeTask {
  change: Change;
  name: string;
  base: string;
  /** File of the packument as it is; absent: there is none. */
  current?: string | undefined;
  /** The next packument, and the tarball of a version that is published. */
  packument: Staged;
  tarball: Staged;
  /** ISO 8601. */
  now: string;
}

export type ChangeResult =
  | { refused: string; status: 400 | 404 | 409 }
  | { packument: Hashed; tarball?: { version: string; body: Hashed } };
