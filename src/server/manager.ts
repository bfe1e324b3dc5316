// What the service manager is told of the server (sd_notify(3)). It waits for READY before it starts what
// needs the server, and for the end of a reload.

import type { Logger } from 'pino';
import { addon } from '../native/addon.ts';

/** One line each: nobody but the server chooses a value. */
function tell(log: Logger, ...lines: string[]): void {
  try {
    addon.notifyManager(process.env.NOTIFY_SOCKET ?? '', lines.join('\n'));
  } catch (error) {
    log.warn({ err: error }, 'the service manager could not be told');
  }
}

/** Everything is served. */
export function tellReady(log: Logger, listeners: number): void {
  const status = `STATUS=serving at ${listeners} address${listeners === 1 ? '' : 'es'}`;
  tell(log, 'READY=1', `MAINPID=${process.pid}`, status);
}

/**
 * This process is the one that counts, before the process that it takes over from may end: the manager would
 * take the end of that one for the end of the service.
 */
export function tellMain(log: Logger): void {
  tell(log, `MAINPID=${process.pid}`);
}

/** From now on another process tells the manager. What this one said would be taken for its word. */
export function tellNoMore(): void {
  delete process.env.NOTIFY_SOCKET;
}

/** Runs a reload. READY follows also when it fails, because what was in use goes on. */
export async function tellReload<T>(log: Logger, reload: () => Promise<T>): Promise<T> {
  tell(log, 'RELOADING=1', 'STATUS=reloading');
  try {
    const done = await reload();
    tell(log, 'READY=1', 'STATUS=serving');
    return done;
  } catch (error) {
    tell(log, 'READY=1', 'STATUS=serving; the last reload failed, and the log says why');
    throw error;
  }
}

/** Running transfers may finish for so many seconds. */
export function tellStopping(log: Logger, graceSeconds: number): void {
  tell(log, 'STOPPING=1', `STATUS=draining for up to ${graceSeconds} s`);
}
