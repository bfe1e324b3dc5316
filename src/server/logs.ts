// The server's logs: where they go, how they are reopened, and the warnings when lines wait or are lost.

import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config/config.ts';
import { addon, type Counters } from '../native/addon.ts';
import type { LogState } from '../native/logs.ts';

/** Milliseconds between two looks at the logs, and at least between two warnings about one. */
const lookEvery = 2_000;
const warnEvery = 60_000;
/** Milliseconds without a written line, while lines wait, before a warning that the reader has stopped. */
const stalledAfter = 10_000;

/** Where the server's own log goes: standard error, which may be gone, full or slow without harm. */
export function logDestination(): { write(line: string): void } {
  addon.openLog(2);
  return { write: (line) => void addon.writeLog(line) };
}

/** Opens the access log, also anew. Throws when it cannot be opened; then the one in use stays. */
export function openAccessLog({ log: { access, fields } }: Pick<Config, 'log'>): void {
  addon.openAccessLog(access, fields);
}

/** From now on both logs are as they are configured here. Throws as `openAccessLog` does. */
export function followLog(given: Config['log'], log: Logger): void {
  try {
    openAccessLog({ log: given });
  } catch (cause) {
    throw new ConfigError(`log.access: ${(cause as Error).message}`, { cause });
  }
  log.level = given.level;
}

/** Opens the access log for the first time. Throws ConfigError when it cannot be. */
export function checkAccessLog(config: Pick<Config, 'log'>): void {
  try {
    openAccessLog(config);
  } catch (cause) {
    throw new ConfigError(`log.access: ${config.log.access}: ${(cause as Error).message}`, { cause });
  }
}

/** Counters of the logs, besides those of the reactors. */
export function logCounters(): Counters {
  const { log, access } = addon.logs();
  return {
    access_log_waiting: access.waiting,
    access_log_stalled: access.stalledMs / 1000,
    access_log_failing: Number(access.failure !== ''),
    log_dropped: log.dropped,
  };
}

/**
 * Says when lines of the access log, or of the server's own, cannot be written, until it is called off.
 * @param counters totals of the server.
 */
export function watchLogs(counters: () => Counters, log: Logger): () => void {
  const access = new Watched('the access log', log);
  const own = new Watched('this log', log);
  const look = () => {
    const now = addon.logs();
    access.look({ ...now.access, dropped: counters().access_log_dropped ?? 0 });
    own.look(now.log);
  };
  const timer = setInterval(look, lookEvery);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
  };
}

class Watched {
  readonly #name: string;
  readonly #log: Logger;
  #told = { dropped: 0, at: Number.NEGATIVE_INFINITY, failing: false };

  constructor(name: string, log: Logger) {
    this.#name = name;
    this.#log = log;
  }

  look({ dropped, failure, waiting, stalledMs }: LogState & { dropped: number }): void {
    const now = performance.now();
    const lost = dropped - this.#told.dropped;
    const stalled = stalledMs >= stalledAfter;
    const failing = failure !== '' || stalled;
    if (lost === 0 && failing === this.#told.failing) return;
    if (now - this.#told.at < warnEvery) return;
    this.#told = { dropped, at: now, failing };
    const reason = failing ? { failure: failure || 'its reader does not read' } : {};
    if (lost > 0) this.#log.warn({ lost, waiting, ...reason }, `lines of ${this.#name} were lost`);
    else if (failing)
      this.#log.warn({ waiting, ...reason }, `${this.#name} cannot be written; its lines wait`);
    else this.#log.info(`${this.#name} is written again`);
  }
}
