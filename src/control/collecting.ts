// Collecting: what the control plane knows of collection, and how it asks for a round.

import type { Collected } from '../store/collection.ts';

export interface Collecting {
  status(): CollectionStatus;
  /** Begins a round once the one that runs has ended; the number of the one that was asked for. */
  begin(dryRun: boolean): number;
}

export interface CollectionStatus {
  running: boolean;
  /** Undefined: none has ended. */
  last: EndedRound | undefined;
  /** Since the start. */
  freed: { blobs: number; bytes: number };
  /** Bytes of older versions that may be collected later, as the last round found them. */
  waitingBytes: number;
}

/** A round that has ended. */
export interface EndedRound {
  round: number;
  /** Milliseconds since the epoch. */
  ended: number;
  dryRun: boolean;
  /** Absent when it failed. */
  collected?: Collected;
  /** Why it failed. */
  fault?: string;
}
