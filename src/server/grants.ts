// What keeps the engine's grants true while the server runs: it may answer readers from kept plans by what
// tokens give, for as long as the token file was looked at a moment ago.

import { type Tokens, tokensGoodFor } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { addon } from '../native/addon.ts';
import { engineGrants } from '../sites/grants.ts';

/** Milliseconds between two looks at the token file: a late one does not leave the engine without grants. */
const lookEvery = tokensGoodFor / 2.5;

/**
 * Until it is called, the engine knows what tokens and certificates give. When this thread is too busy to
 * look, the engine asks it about each request instead: no token is taken for longer than by the application.
 */
export function keepGrants({ auth }: Config, tokens: Tokens): () => void {
  if (auth.reads === 'open') return () => {};
  let told: ReturnType<Tokens['current']> | undefined;
  const look = () => {
    const current = tokens.current();
    if (current === told) return addon.extendGrants(tokensGoodFor);
    addon.setGrants(engineGrants(current, auth.clients), tokensGoodFor);
    told = current;
  };
  look();
  const timer = setInterval(look, lookEvery);
  timer.unref();
  return () => clearInterval(timer);
}
