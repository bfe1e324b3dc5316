// OpenOptions: how a store is opened (content_store.ts).

import type { Dates } from '../dates.ts';
import type { SealOptions } from './seals.ts';
import type { Inherited } from './succession.ts';

export interface OpenOptions {
  root: string;
  /** For use beside a process that writes: takes no lock and writes nothing. */
  readOnly?: boolean;
  /** What the process gave that writes to the store; absent: nobody does. */
  inherited?: Inherited | undefined;
  /** Which date HTTP tells of a version; absent: when it was written. */
  dates?: Dates;
  /** Milliseconds since the epoch, by which versions are dated and end; absent: the host's clock. */
  now?: () => number;
  /** Called with the number of unfinished uploads that were removed. */
  onRecovered?: (files: number) => void;
  /** Called when there was no store, and an empty one is made. */
  onMade?: () => void;
  /** Called with a sentence about each fault that was found and mended in the metadata. */
  onNotice?: (said: string) => void;
  /** The levels that blobs are sealed at; absent: L1. */
  seals?: SealOptions;
}
