// The server's tokens: one reader of their file for both planes, which says when it is broken or mended.

import type { Logger } from 'pino';
import { Tokens } from '../auth/tokens.ts';
import type { Config } from '../config.ts';

/** Throws when the file is there and cannot be used. */
export function serverTokens({ auth }: Config, log: Logger): Tokens {
  return new Tokens(auth.tokens, (reason) => {
    if (reason === undefined)
      log.info({ file: auth.tokens }, 'the token file can be read again; it is in force');
    else log.error({ reason }, 'the token file cannot be read; the tokens known before stay in force');
  });
}
