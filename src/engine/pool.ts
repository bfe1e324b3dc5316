// DeliveryPool: the delivery workers of a server, one reactor and one thread each, from the first
// connection to drain.

import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Piscina } from 'piscina';
import type {
  BoundListener,
  ConnectionInfo,
  Counters,
  EngineMount,
  ListeningSockets,
  Reactor,
  ReactorOptions,
  TlsOptions,
} from '../native/addon.ts';
import { addon } from '../native/addon.ts';
import { together } from '../totals.ts';
import { workerUrl } from '../worker_url.ts';
import type { Bridge } from './bridge.ts';
import { RetiredTotals } from './retired_totals.ts';
import type { ServerSockets } from './server_sockets.ts';

/** Milliseconds a worker may take to load the engine and enter its loop. */
const startTimeout = 20_000;
/** Milliseconds before a worker that ended is replaced, so that one that cannot live does not spin. */
const replaceAfter = 500;

export interface PoolOptions {
  /** One worker for each. The pool closes them when it stops. */
  sockets: ServerSockets;
  reactor: Omit<ReactorOptions, 'listeners' | 'sockets' | 'worker' | 'workers'>;
  bridge: Pick<Bridge, 'add' | 'remove'>;
  log: Logger;
}

export class DeliveryPool {
  /** Where the workers listen, with the actual ports. */
  readonly listeners: BoundListener[];
  #options: PoolOptions;
  readonly #threads: Piscina;
  readonly #live = new Map<number, { reactor: Reactor; ended: Promise<void> }>();
  readonly #retired = new RetiredTotals();
  readonly #retiredSites = new RetiredTotals();
  #windingDown = false;
  #stopping = false;

  private constructor(options: PoolOptions) {
    this.#options = options;
    const { listeners, workers } = options.sockets;
    this.listeners = listeners;
    this.#threads = new Piscina({
      filename: workerUrl('deliver'),
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      idleTimeout: Number.POSITIVE_INFINITY,
    });
    this.#threads.on('error', (error) => options.log.error({ err: error }, 'a delivery thread failed'));
  }

  /** The sockets that the workers borrow. */
  get table(): ListeningSockets {
    return this.#options.sockets.table;
  }

  /**
   * Listens and starts the workers; resolves once each of them accepts. Rejects when a thread does not start.
   */
  static async start(options: PoolOptions): Promise<DeliveryPool> {
    const pool = new DeliveryPool(options);
    const { table, workers } = options.sockets;
    try {
      const reactors = Array.from({ length: workers }, (_, worker) => pool.#create(worker));
      table.listen();
      await Promise.all(reactors.map((reactor, worker) => pool.#run(reactor, worker)));
    } catch (cause) {
      await pool.#abandon();
      throw cause;
    }
    return pool;
  }

  /** What handshakes use; undefined: no listener has TLS. */
  get tls(): TlsOptions | undefined {
    return this.#options.reactor.tls;
  }

  /**
   * Uses the options for new handshakes. Throws the reason when they are refused; then nothing has changed.
   */
  replaceTls(tls: TlsOptions): void {
    for (const { reactor } of this.#live.values()) reactor.replaceTls(tls);
    this.#options = { ...this.#options, reactor: { ...this.#options.reactor, tls } };
  }

  /** Resolves when every request whose head arrives from now on is for one of these mounts. */
  async replaceMounts(mounts: readonly EngineMount[]): Promise<void> {
    this.#options = { ...this.#options, reactor: { ...this.#options.reactor, mounts } };
    await this.#onAll((reactor) => reactor.replaceMounts(mounts));
  }

  /** Resolves when every request whose head arrives from now on is judged by these. */
  async replaceRules(rules: Pick<ReactorOptions, 'trustedProxies' | 'rateLimits'>): Promise<void> {
    const { trustedProxies, rateLimits } = rules;
    this.#options = {
      ...this.#options,
      reactor: { ...this.#options.reactor, trustedProxies, rateLimits },
    };
    await this.#onAll((reactor) => {
      reactor.replaceTrustedProxies(trustedProxies);
      reactor.replaceRateLimits(rateLimits);
    });
  }

  /** Resolves when every worker goes by these. */
  async replaceLimits(changed: Partial<ReactorOptions['limits']>): Promise<void> {
    const limits = { ...this.#options.reactor.limits, ...changed };
    this.#options = { ...this.#options, reactor: { ...this.#options.reactor, limits } };
    await this.#onAll((reactor) => reactor.replaceLimits(limits));
  }

  /**
   * Makes every worker drop the kept plans whose epoch has moved, and close their files. Resolves when all
   * have done so.
   */
  async dropStalePlans(): Promise<void> {
    await this.#onAll((reactor) => reactor.dropStalePlans());
  }

  async #onAll(tell: (reactor: Reactor) => void): Promise<void> {
    const live = [...this.#live.values()];
    for (const { reactor } of live) tell(reactor);
    // A reactor works through its mailbox in order, so its answer to a later question shows that it is done.
    await Promise.all(live.map(({ reactor }) => reactor.connections(1).catch(() => [])));
  }

  /** Totals of all reactors since the start, also of those that ended, and gauges of the live ones. */
  counters(): Counters {
    const totals = this.#retired.plus([...this.#live.values()].map(({ reactor }) => reactor.counters()));
    const { taken, most } = addon.bodyMemory();
    return together(totals, { body_memory: taken, body_memory_limit: most });
  }

  /** Totals of each site by its name, of all reactors since the start (native/server/site_totals.h). */
  sites(): Counters {
    return this.#retiredSites.plus([...this.#live.values()].map(({ reactor }) => reactor.sites()));
  }

  /** Up to `limit` of each worker's live connections. */
  async connections(limit: number): Promise<ConnectionInfo[]> {
    const asked = [...this.#live.values()].map(({ reactor }) => reactor.connections(limit).catch(() => []));
    return (await Promise.all(asked)).flat();
  }

  /** From now on connections end with their next answer; new ones are accepted all the same. */
  windDown(): void {
    this.#windingDown = true;
    for (const { reactor } of this.#live.values()) reactor.windDown();
  }

  /**
   * Stops accepting, lets responses finish for up to graceMs, and resolves when the last worker has ended.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const live = [...this.#live.values()];
    // First, so that each socket is closed by the last worker that has accepted what was queued.
    this.#options.sockets.table.close();
    for (const { reactor } of live) reactor.stop(graceMs);
    await Promise.all(live.map(({ ended }) => ended));
    await this.#threads.destroy();
  }

  /**
   * Accepts no more, since another process does. Connections end with their next answer, idle ones after
   * idleMs and all others graceMs later. Resolves when the last worker has ended.
   */
  async retire(idleMs: number, graceMs: number): Promise<void> {
    this.#stopping = true;
    const live = [...this.#live.values()];
    this.table.close();
    for (const { reactor } of live) reactor.retire(idleMs, graceMs);
    await Promise.all(live.map(({ ended }) => ended));
  }

  // Cleans up after a failed start, when threads that never reached their loop cannot drain.
  async #abandon(): Promise<void> {
    this.#stopping = true;
    this.#options.sockets.table.close();
    for (const { reactor } of this.#live.values()) reactor.stop(0);
    await this.#threads.destroy();
  }

  #create(worker: number): Reactor {
    const { table, workers, listeners } = this.#options.sockets;
    const options = { ...this.#options.reactor, listeners, sockets: table, worker, workers };
    const reactor = addon.createReactor(options);
    if (this.#windingDown) reactor.windDown();
    return reactor;
  }

  // Resolves when the reactor's thread is about to enter its loop.
  async #run(reactor: Reactor, worker: number): Promise<void> {
    const { port1: mine, port2: started } = new MessageChannel();
    this.#options.bridge.add(reactor);
    const task = this.#threads.run({ reactor: reactor.id, started }, { transferList: [started] });
    const ended = task.then(
      () => this.#onEnd(reactor, worker),
      (error) => this.#onEnd(reactor, worker, error),
    );
    this.#live.set(reactor.id, { reactor, ended });
    try {
      await Promise.race([once(mine, 'message', { signal: AbortSignal.timeout(startTimeout) }), task]);
    } finally {
      mine.close();
    }
  }

  #onEnd(reactor: Reactor, worker: number, error?: unknown): void {
    this.#live.delete(reactor.id);
    this.#retired.add(reactor.counters());
    this.#retiredSites.add(reactor.sites());
    this.#options.bridge.remove(reactor);
    if (this.#stopping) return;
    this.#options.log.error({ err: error, reactor: reactor.id }, 'a delivery worker ended and is replaced');
    setTimeout(() => this.#replace(worker), replaceAfter);
  }

  #replace(worker: number): void {
    if (this.#stopping) return;
    try {
      this.#run(this.#create(worker), worker).catch((error) =>
        this.#options.log.error({ err: error }, 'a worker did not start'),
      );
    } catch (error) {
      this.#options.log.error({ err: error }, 'a worker cannot be replaced');
      setTimeout(() => this.#replace(worker), replaceAfter);
    }
  }
}
