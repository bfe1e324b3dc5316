// The end of the server's process. A runtime waits at exit for all its threads, but delivery workers run
// inside the engine, where the runtime cannot interrupt them; so the engine ends the process itself.

import type { Logger } from 'pino';
import { addon } from '../native/addon.ts';

/**
 * Milliseconds for the workers to leave their loops, and for each of the two logs to be written out. All are
 * used up when clients and readers of logs stall; the rest of a second is for the exit of a busy process.
 */
const workersPatience = 200;
const logPatience = 150;

/** Makes process.exit(), an uncaught error and the end of all work end the process within a second. */
export function endForGood(): void {
  process.on('exit', (status) => {
    addon.stopReactors(workersPatience);
    addon.endProcess(status, logPatience);
  });
}

/** An uncaught error is logged and ends the process, since its state is unknown. */
export function endOnUncaughtErrors(log: Logger): void {
  const fatal = (error: unknown) => {
    log.fatal({ err: error }, 'an error that nobody expected; the server ends');
    process.exit(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}
