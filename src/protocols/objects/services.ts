// What the routes of the data plane work with.

import type { Logger } from 'pino';
import type { EngineRequest } from '../../engine/engine_request.ts';
import type { Epochs } from '../../engine/epochs.ts';
import type { Answer } from '../../engine/plan.ts';
import type { Authorize } from '../../sites/authorize.ts';
import type { FirstRead, Store } from '../../store/store.ts';
import type { Turns } from '../../turns.ts';

export interface Services {
  store: Store;
  epochs: Epochs;
  authorize: Authorize;
  /** Whether everybody may read. Plans of content that is not open to all are not kept. */
  openReads: boolean;
  /** What the first read of a blob takes, by bucket; without one where bytes are asked for by digest. */
  firstRead(bucket?: string): FirstRead;
  /** Bytes. */
  maxObjectBytes: number;
  /** One writer at a time for a name. */
  turns: Turns;
  log: Logger;
}

/** What one route does with a request. Refusals are thrown as SealgateError. */
export type Route = (request: EngineRequest) => Answer | Promise<Answer>;
