// Long commands end in order when they are interrupted.

import { sayError } from './say.ts';

/**
 * Runs `work` with a signal that the first SIGINT or SIGTERM aborts; the second ends the process as usual.
 * @param items what is under way then: `files`.
 */
export async function interruptibly<T>(items: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const onSignal = () => {
    sayError(`sealgate: ending once the ${items} under way are done; again to end at once`);
    interrupted.abort();
    stop();
  };
  const stop = () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return work(interrupted.signal).finally(stop);
}
