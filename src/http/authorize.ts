// Bearer tokens (RFC 6750) on the data plane.

import { allows, type Tokens } from '../auth/tokens.ts';
import { SealgateError } from '../errors.ts';
import type { Authorize } from './services.ts';

/** @param openReads everybody may read; writes always need a token. */
export function authorizer(tokens: Tokens, openReads: boolean): Authorize {
  return (request, action, bucket = '*') => {
    if (action === 'read' && openReads) return;
    const presented = bearer(request.headers.get('authorization'));
    const token = tokens.verify(presented);
    if (token === undefined) throw new SealgateError('token-unknown');
    if (!allows(token.scopes, action, bucket)) throw new SealgateError('scope-missing');
  };
}

function bearer(authorization: string | null): string {
  const match = authorization?.match(/^Bearer +([A-Za-z0-9._~+/-]+=*)$/i);
  if (!match?.[1]) throw new SealgateError('token-missing');
  return match[1];
}
