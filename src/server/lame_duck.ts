// Lame duck: the time between the signal that ends a server and its drain. Health paths say no already, and
// all is served as before, since balancers take a while to notice. In the last part connections end with
// their next answer, so that few are left when the listeners close.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';

/**
 * Resolves when the drain is to begin.
 * @param windDown has connections end with their next answer.
 * @param replaced it is to begin at once, since another process serves.
 */
export async function lameDuck(
  { drain }: Config,
  windDown: () => void,
  log: Logger,
  replaced: AbortSignal,
): Promise<void> {
  const { lameDuckSeconds } = drain;
  if (lameDuckSeconds === 0) return;
  const closeSeconds = Math.min(drain.closeSeconds, lameDuckSeconds);
  await waited(lameDuckSeconds - closeSeconds, replaced);
  if (closeSeconds > 0 && !replaced.aborted) {
    windDown();
    log.info({ closeSeconds }, 'connections end with their next answer; new ones are accepted yet');
    await waited(closeSeconds, replaced);
  }
  const others = replaced.aborted ? 'another process accepts' : 'no more connections are accepted';
  log.info(`${others}; what is under way is finished`);
}

async function waited(seconds: number, over: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal: over }).catch(() => {});
}
