// Plans: what to do with a request, with the same names as in C++ (native/server/plan.h). native/node/plan.cc
// reads these objects; a test compares the three. Conditions of changes are here too.

import type { DigestName } from '../digest.ts';
import type { Hashed, OpenFile, SealLevel, SealRecord } from './addon.ts';

/** Name and value. The engine refuses what HTTP cannot have there, line ends first of all. */
export type ResponseField = readonly [name: string, value: string];

/**
 * The value that a counter had. A decision made after it was read is valid while the counter has that value.
 */
export interface Epoch {
  slot: number;
  epoch: number;
}

/**
 * "200, these fields, this blob": conditionals, ranges, HEAD and the head's own fields are the
 * engine's.
 */
export interface DeliverPlan {
  kind: 'deliver';
  blob: SealRecord;
  /**
   * Of an error page, which is sent whole: no condition or range is evaluated, and it has no validators.
   * Absent: 200, and what conditions and ranges make of it.
   */
  status?: number;
  contentType: string;
  /** Further fields for 200, 206 and 304: Cache-Control and the like. */
  fields: readonly ResponseField[];
  /** Further fields that go with the content: for 200 and 206, and not for 304. */
  contentFields?: readonly ResponseField[];
  /** Repr-Digest (RFC 9530); absent: SHA-256 alone, which the engine makes of the blob's digest. */
  reprDigest?: string;
  /** Seconds since the epoch; 0: no Last-Modified, and conditions on dates are ignored. */
  lastModified: number;
  /** Keep it for further requests of the same path while this holds. */
  cache?: Epoch;
  /** The grant that such a request must have; empty: none. A plan without this field is not kept. */
  grant?: string;
  /** Seconds since the epoch, until when it may be kept; absent: for ever. */
  expires?: number;
  /** Clients that accept other content codings have another plan. It is kept where the mount says so. */
  codings?: boolean;
  /** Further request fields that it depends on, in lower case. A plan that depends on any is not kept. */
  varies?: readonly string[];
  /** A blob that is sealed at a lower level is refused with `seal-too-low`, or copied. */
  floor?: { level: SealLevel; refuse: boolean };
}

/**
 * A plan for a blob whose file is being proved: HEAD, 304, 412 and 416 are answered from what is recorded,
 * and a request for its bytes gets `otherwise`. Fields are those of {@link DeliverPlan}.
 */
export interface DescribePlan {
  kind: 'describe';
  digest: string;
  /** Bytes. */
  size: number;
  status?: number;
  contentType: string;
  fields: readonly ResponseField[];
  contentFields?: readonly ResponseField[];
  reprDigest?: string;
  lastModified: number;
  otherwise: RespondPlan;
}

/** A small buffered response. Content-Length, Date and Connection are the engine's. */
export interface RespondPlan {
  kind: 'respond';
  status: number;
  fields: readonly ResponseField[];
  body: string | Uint8Array;
}

/**
 * A file that is read while a body is received into it. Who reads it gets the end once it is finished, and
 * sees a connection that is cut when it fails: also when the body is cut off before it was received.
 */
export interface GrowingFile {
  /** Bytes that can be read. */
  readonly size: number;
  /** Bytes that it will have if it becomes whole; 0: that is not known, or it has ended. */
  readonly expected: number;
  readonly state: 'growing' | 'whole' | 'failed';
  /** What was received is what the object is to be. Of the two, the first call counts. */
  finish(): void;
  /** It is not, or it could not be stored. */
  fail(): void;
  /** What its bytes are read from; undefined: there are none yet, or it has ended. */
  opened(): OpenFile | undefined;
  /**
   * Another process receives it, and has so many bytes of `expected`. `file` is what they are read from, and
   * has to be there the first time. Throws with code EBUSY when this process receives it.
   */
  grow(size: number, file: OpenFile | undefined, expected: number): void;
  /** A number by which one thread of the process, whichever it is, takes the right to write to it. */
  share(): number;
}

/**
 * A file on its way into the store that the calling thread writes and hashes, and nobody else. One that is
 * given up is removed, and whoever reads it meanwhile is cut.
 */
export interface StagedFile {
  /** Bytes so far. */
  readonly size: number;
  /** Appends, and lets readers have it. Throws with the errno as `code`. */
  write(bytes: Uint8Array): void;
  /** Completes and syncs the file; nothing can be written after. Its readers wait for what becomes of it. */
  finish(): Promise<Hashed>;
  /** Removes a file that is not finished. */
  discard(): void;
}

export interface StagedFileOptions {
  /** Bytes that it will have; 0: that is not known. */
  expected: number;
  /** Digests to compute besides SHA-256. */
  digests?: readonly DigestName[];
  /** What `share` of a growing file gave: who reads it meanwhile. */
  growing?: number | undefined;
}

/** What there is of an upload under way, and the rest as it comes. It has no validators. */
export interface FollowPlan {
  kind: 'follow';
  file: GrowingFile;
  contentType: string;
  /** Cache-Control and the like. */
  fields: readonly ResponseField[];
  /** Further fields that go with the content. */
  contentFields?: readonly ResponseField[];
}

/**
 * There is no answer yet. All who ask for the same wait together, and when the file has ended one of them
 * asks the application again: what it gets is what all get.
 */
export interface WaitPlan {
  kind: 'wait';
  until: GrowingFile;
  /** Milliseconds that a client waits at most. */
  patience: number;
  /** What it gets then. */
  otherwise: RespondPlan;
  /** The grant that a request must have to wait with the others; empty: none. */
  grant: string;
}

/** A body goes to a file; a `received` event says that it is whole there, hashed and fsynced. */
export interface StagingTarget {
  /** Absolute path; must not exist. */
  path: string;
  /** Digests to compute besides SHA-256. */
  digests?: readonly DigestName[];
  /** Made by `growingFile`, for this body alone: who reads the file meanwhile. Absent: nobody may. */
  growing?: GrowingFile;
}

/**
 * The state of a file between the requests that append to it: its path, its size and its digests so far. No
 * file is open meanwhile. The first request creates the file; the application removes it when it gives the
 * upload up.
 */
export interface PartialFile {
  readonly path: string;
  /** Bytes of the file that count. Those of a request under way are added as they are written. */
  readonly size: number;
  /** Whether a request is being received into it. */
  readonly busy: boolean;
  /** Asks a request that is being received into it to end: soon it is 409, and what came of it counts. */
  interrupt(): void;
  /** Whether nothing more can be appended, so that it can be placed. */
  readonly finished: boolean;
  /** Makes it so. False: it is so, or a request is being received into it. */
  finish(): boolean;
  /** Whether it could not be synced, so that it cannot be gone on with: bytes of it may be others by now. */
  readonly lost: boolean;
}

/**
 * A body is appended to a file; a `received` event says that it is, with the digests and the size of all
 * there is. What has arrived of a body that is cut off counts: its `aborted` event comes when that is
 * written.
 * A plan for a file that is busy is refused with the code EBUSY, and so is one for a file that is finished.
 */
export interface AppendTarget {
  file: PartialFile;
  /** No request follows: the file is to be finished and synced, ready to be placed. */
  last: boolean;
  /** Whether the file is synced after the body even when another request follows. */
  sync: boolean;
  /** The size that the file must have; another one is refused as a file that somebody writes to. */
  at?: number;
}

/**
 * Receive the body, then say so by an event and wait for a plan that answers. `memory`: the application gets
 * the bytes, by a `body` event.
 */
export interface ReceivePlan {
  kind: 'receive';
  sink: 'memory' | StagingTarget | AppendTarget;
  /** Fields of an interim response 104 (Upload Resumption Supported) that is sent before. */
  interim?: ResponseField[];
  /** Bytes; a longer body is answered 413. In memory at most maxMemoryBodyBytes of limits.ts. */
  maxSize: number;
}

export type Plan = DeliverPlan | DescribePlan | RespondPlan | ReceivePlan | FollowPlan | WaitPlan;

/** The conditions of a request that changes something, as they were sent (RFC 9110 13.1). */
export interface Conditions {
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
  ifUnmodifiedSince: string | undefined;
}

/** What conditions are compared with. */
export interface Validators {
  /** The entity tag, with its quotes. */
  etag: string;
  /** Seconds since the epoch; 0: unknown. */
  lastModified: number;
}
