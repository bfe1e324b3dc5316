// The server's log: JSON lines.

import pino, { type Logger } from 'pino';
import type { Config } from './config/config.ts';
import { hasCode, SealgateError } from './errors.ts';

/** @param to receives each line with its newline; must not throw. */
export function createLog({ level }: Config['log'], to: { write(line: string): void }): Logger {
  const serializers = { err: errorFields };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers }, to);
}

// The code and message of a foreseen error say what happened; clients can cause many of them, and a stack
// would make each line some ten times as long. An error that was not foreseen keeps its stack.
function errorFields(error: Error): object {
  const fields = pino.stdSerializers.err(error);
  if (!(error instanceof SealgateError) || hasCode(error, 'internal')) return fields;
  const { stack: _, ...others } = fields;
  return others;
}
