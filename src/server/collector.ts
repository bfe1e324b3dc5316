// Collector: runs rounds of collection in a server, at intervals and on request, one at a time.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Collecting, CollectionStatus, EndedRound } from '../control/collecting.ts';
import type { Counters } from '../native/addon.ts';
import type { Objects } from '../objects/objects.ts';
import type { Collected } from '../store/collection.ts';

export class Collector implements Collecting {
  readonly #objects: Pick<Objects, 'collect'>;
  #config: Config['gc'];
  readonly #dropStalePlans: () => Promise<void>;
  readonly #log: Logger;
  #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Number of the running round, or of the last one. */
  #round = 0;
  #last: EndedRound | undefined;
  readonly #totals = { expired: 0, versions: 0, blobs: 0, bytes: 0, faults: 0 };
  #waitingBytes = 0;
  #first: (how: { dryRun: boolean; signal: AbortSignal }) => Promise<unknown> = async () => {};

  constructor(
    objects: Pick<Objects, 'collect'>,
    config: Config['gc'],
    dropStalePlans: () => Promise<void>,
    log: Logger,
  ) {
    this.#objects = objects;
    this.#config = config;
    this.#dropStalePlans = dropStalePlans;
    this.#log = log;
    this.#wait();
  }

  status(): CollectionStatus {
    const { blobs, bytes } = this.#totals;
    return {
      running: this.#running !== undefined,
      last: this.#last,
      freed: { blobs, bytes },
      waitingBytes: this.#waitingBytes,
    };
  }

  /** Begins a round when the running one has ended. Returns the number of the new round. */
  begin(dryRun: boolean): number {
    const before = this.#running;
    const round = ++this.#round;
    const mine = (async () => {
      await before;
      await this.#run(round, dryRun);
    })().finally(() => {
      if (this.#running === mine) this.#running = undefined;
    });
    this.#running = mine;
    return round;
  }

  counters(): Counters {
    const { expired, versions, blobs, bytes, faults } = this.#totals;
    return {
      expired_names: expired,
      collected_versions: versions,
      collected_blobs: blobs,
      collected_bytes: bytes,
      collection_faults: faults,
      collection_waiting: this.#waitingBytes,
    };
  }

  /** What comes before each round: it makes names deleted that the round then frees. */
  beginWith(work: (how: { dryRun: boolean; signal: AbortSignal }) => Promise<unknown>): void {
    this.#first = work;
  }

  /** From now on the times are these. A round that is under way goes on by those before. */
  follow(config: Config['gc']): void {
    if (config.intervalSeconds === this.#config.intervalSeconds) {
      this.#config = config;
      return;
    }
    this.#config = config;
    clearTimeout(this.#timer);
    this.#wait();
  }

  /** Ends what is under way, and begins nothing before `resume`. */
  async pause(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort();
    await this.#running;
  }

  resume(): void {
    this.#ending = new AbortController();
    this.#wait();
  }

  close(): Promise<void> {
    return this.pause();
  }

  #wait(): void {
    const { intervalSeconds } = this.#config;
    if (intervalSeconds === 0 || this.#ending.signal.aborted) return;
    this.#timer = setTimeout(async () => {
      if (!this.#running) this.begin(false);
      await this.#running;
      this.#wait();
    }, intervalSeconds * 1000).unref();
  }

  async #run(round: number, dryRun: boolean): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const { graceSeconds, blobsPerSecond } = this.#config;
    const asked = { graceMs: graceSeconds * 1000, blobsPerSecond, dryRun, signal: this.#ending.signal };
    try {
      await this.#first({ dryRun, signal: asked.signal }).catch((err) =>
        this.#log.error({ err }, 'registries could not be tidied; the next round begins anew'),
      );
      const collected = await this.#objects.collect(asked, this.#dropStalePlans);
      this.#last = { round, dryRun, ended: Date.now(), collected };
      if (!dryRun) this.#count(collected);
    } catch (error) {
      const fault = (error as Error).message;
      this.#last = { round, dryRun, ended: Date.now(), fault };
      this.#totals.faults++;
      this.#log.error({ err: error }, 'collection failed; the next round begins anew');
    }
  }

  #count({ expired, versions, blobs, bytes, waiting, failed }: Collected): void {
    this.#totals.expired += expired;
    this.#totals.versions += versions;
    this.#totals.blobs += blobs;
    this.#totals.bytes += bytes;
    this.#totals.faults += failed.length;
    this.#waitingBytes = waiting.bytes;
    if (expired > 0 || versions > 0 || blobs > 0)
      this.#log.info({ expired, versions, blobs, bytes, waiting }, 'collected');
    for (const each of failed) this.#log.warn(each, 'a blob that nothing keeps could not be removed');
  }
}
