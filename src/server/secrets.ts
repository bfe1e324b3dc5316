// The server's secrets: one reader of each of their files, for all that need them, which says in the log when
// one is broken or mended.

import type { Logger } from 'pino';
import { SigningKeys } from '../auth/signing_keys.ts';
import { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config/config.ts';

/** Throws when a file is there and cannot be used, or a signing key is not there. */
export function serverSecrets({ auth, sites }: Config, log: Logger) {
  const tokens = new Tokens(auth.tokens, (reason) => {
    if (reason === undefined)
      log.info({ file: auth.tokens }, 'the token file can be read again; it is in force');
    else log.error({ reason }, 'the token file cannot be read; the tokens known before stay in force');
  });
  const keys = new SigningKeys(sites, (file, reason) => {
    if (reason === undefined) log.info({ file }, 'the signing key can be read again; it is in force');
    else log.error({ file, reason }, 'a signing key cannot be read; one that has gone counts no more');
  });
  return { tokens, keys, counters: () => ({ ...tokens.counters(), ...keys.counters() }) };
}
