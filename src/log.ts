// The server's log: JSON lines.

import pino, { type Logger } from 'pino';
import type { Config } from './config.ts';

/** @param to receives each line with its newline; must not throw. */
export function createLog({ level }: Config['log'], to: { write(line: string): void }): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, to);
}
