// The log: JSON lines on standard error, so that standard output is for what commands answer.

import pino, { type Logger } from 'pino';
import type { Config } from './config.ts';

export function createLog({ level }: Config['log']): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}
