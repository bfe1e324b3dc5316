// What the routes of the data plane work with.

import type { Logger } from 'pino';
import type { EngineRequest } from '../../engine/engine_request.ts';
import type { Answer } from '../../engine/plan.ts';
import type { Objects } from '../../objects/objects.ts';
import type { Authorize } from '../../sites/authorize.ts';

export interface Services {
  objects: Objects;
  authorize: Authorize;
  /** Whether everybody may read. Plans of content that is not open to all are not kept. */
  openReads: boolean;
  log: Logger;
}

/** What one route does with a request. Refusals are thrown as SealgateError. */
export type Route = (request: EngineRequest) => Answer | Promise<Answer>;
