// The author of a request to the control plane, as the audit log records it.

import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

export interface ControlEnv {
  /** Empty where the application is asked without a connection. */
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** A token's id, or `loopback` or `unix` for clients without a token. */
    who: string;
  };
}

export function whoOf(c: Context<ControlEnv>): string {
  return c.get('who') ?? 'loopback';
}
