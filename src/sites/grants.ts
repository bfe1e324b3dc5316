// Grants: what a reader must have been given, by the name of the scope that gives it. A plan names the one
// that was asked for when it was made; what credentials give is compiled for the engine, which compares.

import type { TokenEntry } from '../auth/tokens.ts';
import type { EngineGrants, Granted, TokenGrants } from '../native/addon.ts';
import { covers, type Scope } from '../scopes.ts';
import type { CertifiedClient } from './authorize.ts';

/** Everybody has it. */
export const openToAll = '';

/** Reading a bucket; `*`: all of them, and bytes by digest, which no scope of one bucket gives. */
export function readGrant(bucket: string): Scope {
  return `read:${bucket}`;
}

/** Scopes of repositories up to which it is worked out which of them have which others in them. */
const mostPatterns = 1000;
const ofRepositories = /^pull:([^/]+)\/(.+)$/;

export function engineGrants(
  tokens: readonly TokenEntry[],
  clients: readonly CertifiedClient[],
  keys: EngineGrants['keys'] = [],
): EngineGrants {
  const all = [...tokens, ...clients].flatMap(({ scopes }) => scopes);
  const pulls = [...new Set(all.filter((scope) => ofRepositories.test(scope)))];
  const known = pulls.length <= mostPatterns ? pulls : [];
  return {
    tokens: tokens.map((token) => tokenGrants(token, known)),
    subjects: clients.map(({ subject, scopes }) => ({ subject, ...granted(scopes, known) })),
    keys,
  };
}

function tokenGrants({ hash, scopes, expires }: TokenEntry, known: readonly Scope[]): TokenGrants {
  const what = { digest: hash, ...granted(scopes, known) };
  // A second too early is asked of the application, which knows better; none is too late.
  return expires === undefined ? what : { ...what, expires: Math.floor(Date.parse(expires) / 1000) };
}

// Whoever has a wide scope has all narrower ones, so that a plan of a narrow one is for both.
function granted(scopes: readonly Scope[], known: readonly Scope[]): Granted {
  const own = scopes.filter((scope) => scope.startsWith(readGrant('')) || ofRepositories.test(scope));
  const narrower = known.filter((scope) => own.some((wide) => isWithin(scope, wide)));
  return { all: own.includes(readGrant('*')), some: [...new Set([...own, ...narrower])] };
}

function isWithin(scope: Scope, wide: Scope): boolean {
  const [, bucket = '', pattern = ''] = ofRepositories.exec(scope) ?? [];
  if (wide === readGrant(bucket)) return true;
  const [, its, widePattern = ''] = ofRepositories.exec(wide) ?? [];
  return its === bucket && covers(widePattern, pattern);
}
