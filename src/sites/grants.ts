// Grants: what a reader must have been given, by the name of the scope that gives it. A plan names the one
// that was asked for when it was made; what credentials give is compiled for the engine, which compares.

import type { TokenEntry } from '../auth/tokens.ts';
import type { EngineGrants, Granted, TokenGrants } from '../native/addon.ts';
import type { Scope } from '../scopes.ts';
import type { CertifiedClient } from './authorize.ts';

/** Everybody has it. */
export const openToAll = '';

/** Reading a bucket; `*`: all of them, and bytes by digest, which no scope of one bucket gives. */
export function readGrant(bucket: string): Scope {
  return `read:${bucket}`;
}

export function engineGrants(
  tokens: readonly TokenEntry[],
  clients: readonly CertifiedClient[],
  keys: EngineGrants['keys'] = [],
): EngineGrants {
  return {
    tokens: tokens.map(tokenGrants),
    subjects: clients.map(({ subject, scopes }) => ({ subject, ...granted(scopes) })),
    keys,
  };
}

function tokenGrants({ hash, scopes, expires }: TokenEntry): TokenGrants {
  const what = { digest: hash, ...granted(scopes) };
  // A second too early is asked of the application, which knows better; none is too late.
  return expires === undefined ? what : { ...what, expires: Math.floor(Date.parse(expires) / 1000) };
}

function granted(scopes: readonly Scope[]): Granted {
  const some = scopes.filter((scope) => scope.startsWith(readGrant('')));
  return { all: some.includes(readGrant('*')), some };
}
