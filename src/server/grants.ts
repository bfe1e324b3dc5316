// Keeps the engine's grants up to date while the server runs. The engine may answer readers from kept plans
// by their tokens only as long as the token file was checked recently.

import type { SigningKeys } from '../auth/signing_keys.ts';
import { type Tokens, tokensGoodFor } from '../auth/tokens.ts';
import type { Config } from '../config/config.ts';
import { addon } from '../native/addon.ts';
import { engineGrants } from '../sites/grants.ts';

/** Milliseconds between two looks at the files: a late one does not leave the engine without grants. */
const lookEvery = tokensGoodFor / 2.5;

export interface KeptGrants {
  /** Gives the engine the keys of these sites as well, at once. Throws when one cannot be used. */
  follow(sites: Config['sites']): void;
  close(): void;
}

/**
 * Gives the engine the grants of tokens and certificates, and the keys of signed URLs, until it is closed.
 * When this thread is too busy to check the files, the engine asks it about each request with a token
 * instead, so no removed token stays valid; of keys it counts on what it was told last.
 * @param sites those in force.
 */
export function keepGrants(
  { auth }: Config,
  { tokens, keys }: { tokens: Tokens; keys: SigningKeys },
  sites: () => Config['sites'],
): KeptGrants {
  const areAsked = () =>
    auth.reads === 'token' || keys.areFollowed || sites()?.some((site) => site.auth === 'token') === true;
  let told: unknown[] = [];
  const look = () => {
    if (!areAsked()) return;
    const now = [tokens.current(), keys.current()] as const;
    if (now.every((each, at) => each === told[at])) return addon.extendGrants(tokensGoodFor);
    addon.setGrants(engineGrants(now[0], auth.clients, now[1]), tokensGoodFor);
    told = [...now];
  };
  look();
  const timer = setInterval(look, lookEvery);
  timer.unref();
  const follow = (wanted: Config['sites']) => {
    keys.follow(wanted);
    look();
  };
  return { follow, close: () => clearInterval(timer) };
}
