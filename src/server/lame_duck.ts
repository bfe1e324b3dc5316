// Lame duck: the time between the signal that ends a server and its drain. Health paths say no already, and
// all is served as before, since balancers take a while to notice. In the last part connections end with
// their next answer, so that few are left when the listeners close.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';

/** Resolves when the drain is to begin. @param windDown has connections end with their next answer. */
export async function lameDuck({ drain }: Config, windDown: () => void, log: Logger): Promise<void> {
  const { lameDuckSeconds } = drain;
  if (lameDuckSeconds === 0) return;
  const closeSeconds = Math.min(drain.closeSeconds, lameDuckSeconds);
  await sleep((lameDuckSeconds - closeSeconds) * 1000);
  if (closeSeconds > 0) {
    windDown();
    log.info({ closeSeconds }, 'connections end with their next answer; new ones are accepted yet');
    await sleep(closeSeconds * 1000);
  }
  log.info('no more connections are accepted; what is under way is finished');
}
