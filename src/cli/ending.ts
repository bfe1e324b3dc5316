// The end of a server's process. Every way out leads through here: the runtimes wait for all of their
// threads, and delivery workers are inside the engine, where nobody can interrupt them.

import type { Logger } from 'pino';
import { addon } from '../native/addon.ts';

/** Milliseconds for workers to leave their loops, and for each log to be written. */
const workersPatience = 300;
const logPatience = 250;

/** From now on process.exit(), an uncaught error and the end of all work end the process within a second. */
export function endForGood(): void {
  process.on('exit', (status) => {
    addon.stopReactors(workersPatience);
    addon.endProcess(status, logPatience);
  });
}

/** An error that nobody caught is logged, and ends the process: what it left half done is unknown. */
export function endOnUncaughtErrors(log: Logger): void {
  const fatal = (error: unknown) => {
    log.fatal({ err: error }, 'an error that nobody expected; the server ends');
    process.exit(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
}
