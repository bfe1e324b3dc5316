// Who may ask the control plane what: bearers of tokens (RFC 6750), in the Authorization field alone, so that
// no page of others can send one along.

import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import type { Tokens } from '../auth/tokens.ts';
import { allowsControl } from '../scopes.ts';
import { FailedAttempts } from './failed_attempts.ts';
import { problem } from './problem.ts';
import type { ControlEnv } from './who.ts';

/** For machines that only ask whether there is a server. */
const open = new Set(['/healthz', '/readyz']);
/** The dashboard's own files hold nothing about the server; what they show, they have to ask for. */
const page = /^\/(assets\/.*)?$/;

export interface ControlAccess {
  /** Undefined: whoever can connect may do everything. */
  tokens: Tokens | undefined;
  /** How the audit log calls those without a token: `loopback`, `unix`. */
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
