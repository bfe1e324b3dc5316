// Who asks: what the audit log says of an operator's request.

import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface ControlEnv {
  /** Empty where the application is asked without a connection. */
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** A token's id, or where the request came from. */
    who: string;
  };
}

export function whoOf(c: Context<ControlEnv>): string {
  return c.get('who') ?? 'loopback';
}
