// Who may do what on the data plane: clients that show a token, as a bearer (RFC 6750) or as the password of
// basic authentication (RFC 7617), and clients with certificates.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Tokens } from '../auth/tokens.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import { SealgateError } from '../errors.ts';
import { allows, type InRepository, pulledPatterns, type Scope, scopeOfRepository } from '../scopes.ts';
import { openToAll } from './grants.ts';

type Action = 'read' | 'write';

const refusals = new Set<string>(['token-missing', 'token-unknown', 'scope-missing']);

/**
 * Lets a request pass or throws `token-missing`, `token-unknown` or `scope-missing`.
 * Without a bucket the request needs the scope of all buckets. With a repository a scope of that is enough.
 * @returns the grant that a request for the same must have (grants.ts).
 */
export type Authorize = (
  request: EngineRequest,
  action: Action,
  bucket?: string,
  repository?: InRepository,
) => Scope;

/** The patterns of the repositories of a bucket that a client may pull; undefined: all of them. */
export type Reach = (request: EngineRequest, bucket: string) => readonly string[] | undefined;

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
  return (request, action, bucket = '*', repository) => {
    if (action === 'read' && openReads) return openToAll;
    const needed: Scope = `${action}:${bucket}`;
    const granted = (scopes: readonly Scope[]) =>
      allows(scopes, action, bucket) ? needed : repository && scopeOfRepository(scopes, bucket, repository);
    const byCertificate = granted(certified.get(request.subject) ?? []);
    if (byCertificate !== undefined) return byCertificate;
    const presented = shownToken(request.headers.get('authorization'));
    if (presented === undefined) throw new SealgateError('token-missing');
    if (action === 'read' && own !== '' && sameText(presented, own)) return needed;
    const token = tokens.verify(presented);
    if (token === undefined) throw new SealgateError('token-unknown');
    const byToken = granted(token.scopes);
    if (byToken === undefined) throw new SealgateError('scope-missing');
    return byToken;
  };
}

/** @param authorize of the same tokens and clients. */
export function reacher(tokens: Tokens, clients: CertifiedClient[], authorize: Authorize): Reach {
  const certified = new Map(clients.map(({ subject, scopes }) => [subject, scopes]));
  return (request, bucket) => {
    const token = tokens.verify(shownToken(request.headers.get('authorization')) ?? '');
    const scopes = [...(certified.get(request.subject) ?? []), ...(token?.scopes ?? [])];
    const patterns = pulledPatterns(scopes, bucket);
    if (patterns.length > 0 && !isAllowed(authorize, request, 'read', bucket)) return patterns;
    authorize(request, 'read', bucket);
    return undefined;
  };
}

/** Whether a request would pass. */
export function isAllowed(
  authorize: Authorize,
  request: EngineRequest,
  action: Action,
  bucket: string,
  repository?: InRepository,
) {
  try {
    authorize(request, action, bucket, repository);
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
