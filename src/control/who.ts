// Who asks: what the audit log says of an operator's request.

import type { Context } from 'hono';

export interface ControlEnv {
  Variables: {
    /** A token's id, or where the request came from. */
    who: string;
  };
}

export function whoOf(c: Context<ControlEnv>): string {
  return c.get('who') ?? 'loopback';
}
