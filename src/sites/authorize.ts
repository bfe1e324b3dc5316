// Who may do what on the data plane: clients that show a token, as a bearer (RFC 6750) or as the password of
// basic authentication (RFC 7617), and clients with certificates.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Tokens } from '../auth/tokens.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { SealgateError } from '../errors.ts';
import { allows, type Scope } from '../scopes.ts';
import { openToAll } from './grants.ts';

type Action = 'read' | 'write';

const refusals = new Set<string>(['token-missing', 'token-unknown', 'scope-missing']);

/**
 * Lets a request pass or throws `token-missing`, `token-unknown` or `scope-missing`.
 * Without a bucket the request needs the scope of all buckets.
 * @returns the grant that a request for the same must have (grants.ts).
 */
export type Authorize = (request: EngineRequest, action: Action, bucket?: string) => Scope;

/** What the bearer of a certificate with this subject may do. */
export interface CertifiedClient {
  subject: string;
  scopes: Scope[];
}

/**
 * @param openReads everybody may read; writes always need a token or a certificate.
 * @param own token of the server itself, which may read; empty: none.
 */
export function authorizer(
  tokens: Tokens,
  clients: CertifiedClient[],
  openReads: boolean,
  own = '',
): Authorize {
  const certified = new Map(clients.map(({ subject, scopes }) => [subject, scopes]));
  return (request, action, bucket = '*') => {
    if (action === 'read' && openReads) return openToAll;
    const needed: Scope = `${action}:${bucket}`;
    if (allows(certified.get(request.subject) ?? [], action, bucket)) return needed;
    const presented = shownToken(request.headers.get('authorization'));
    if (presented === undefined) throw new SealgateError('token-missing');
    if (action === 'read' && own !== '' && sameText(presented, own)) return needed;
    const token = tokens.verify(presented);
    if (token === undefined) throw new SealgateError('token-unknown');
    if (!allows(token.scopes, action, bucket)) throw new SealgateError('scope-missing');
    return needed;
  };
}

/** Whether a request would pass. */
export function isAllowed(authorize: Authorize, request: EngineRequest, action: Action, bucket: string) {
  try {
    authorize(request, action, bucket);
    return true;
  } catch (error) {
    if (error instanceof SealgateError && refusals.has(error.code)) return false;
    throw error;
  }
}

/** What tells a client from others in later requests: SHA-256 of the token that it shows and its subject. */
export function callerOf({ subject, headers }: EngineRequest): string {
  const token = shownToken(headers.get('authorization')) ?? '';
  return createHash('sha256').update(`${token}\n${subject}`).digest('hex');
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const basic = /^Basic +((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/i;
const password = /^[^:]*:([A-Za-z0-9._~+/-]+=*)$/;

/**
 * The token in a field of Authorization, read as native/server/credentials.cc does. Package managers know
 * basic authentication alone: a token is the password then, with any user name.
 */
export function shownToken(authorization: string | null): string | undefined {
  if (authorization === null) return undefined;
  const encoded = authorization.match(basic)?.[1];
  if (encoded === undefined) return authorization.match(bearer)?.[1];
  return Buffer.from(encoded, 'base64').toString('latin1').match(password)?.[1];
}
