// Authorization of the control plane: bearer tokens (RFC 6750) with a control scope. Tokens are read from
// the Authorization field only, never from cookies, so that a foreign web page cannot make a browser send
// one.

import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import { allowsControl } from '../scopes.ts';
import { FailedAttempts } from './failed_attempts.ts';
import { problem } from './problem.ts';
import type { ControlEnv } from './who.ts';

/** Health checks need no token: they reveal only whether the server is up. */
const open = new Set(['/healthz', '/readyz']);
/** The dashboard's static files need no token: they contain no data; the page fetches that with a token. */
const page = /^\/(assets\/.*)?$/;

export interface ControlAccess {
  /** Undefined: everybody who can connect may do everything. */
  tokens: Tokens | undefined;
  /** The name of clients without a token in the audit log: `loopback` or `unix`. */
  where: string;
  log: Logger;
}

export function authorizeControl({ tokens, where, log }: ControlAccess): MiddlewareHandler<ControlEnv> {
  const failed = new FailedAttempts();
  return async (c, next) => {
    c.set('who', where);
    if (!tokens || open.has(c.req.path) || page.test(c.req.path)) return next();
    const presented = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    const token = presented === undefined ? undefined : tokens.verify(presented);
    if (!token) {
      const tooMany = presented !== undefined && failed.add(c.env.incoming?.socket.remoteAddress);
      if (presented !== undefined && !tooMany)
        log.warn({ path: c.req.path }, 'an unknown token at the control plane');
      if (tooMany) return problem(c, 429, 'too-many-attempts', 'wait a minute');
      c.header('WWW-Authenticate', 'Bearer realm="sealgate control"');
      return problem(c, 401, 'token-missing', 'a token of scope control:read or control:operate is needed');
    }
    const action = c.req.method === 'GET' || c.req.method === 'HEAD' ? 'read' : 'operate';
    if (!allowsControl(token.scopes, action))
      return problem(c, 403, 'scope-missing', `the token is not of scope control:${action}`);
    c.set('who', `token ${token.id}`);
    return next();
  };
}
