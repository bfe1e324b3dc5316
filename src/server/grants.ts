// Keeps the engine's grants up to date while the server runs. The engine may answer readers from kept plans
// by their tokens only as long as the token file was checked recently.

import { type Tokens, tokensGoodFor } from '../auth/tokens.ts';
import type { Config } from '../config.ts';
import { addon } from '../native/addon.ts';
import { engineGrants } from '../sites/grants.ts';

/** Milliseconds between two looks at the token file: a late one does not leave the engine without grants. */
const lookEvery = tokensGoodFor / 2.5;

/**
 * Gives the engine the grants of tokens and certificates until the returned function is called. When this
 * thread is too busy to check the file, the engine asks it about each request instead, so no removed token
 * stays valid.
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
