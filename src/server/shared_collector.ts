// SharedCollector: has the stores that buckets are shared over collected at intervals. Each store says when a
// round began last, at whichever server, so that one server makes the next.

import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Counters } from '../native/addon.ts';
import type { Pausable } from '../pause.ts';
import { Tier } from '../upstream/tier.ts';
import { collectTier, type SharedRound } from '../upstream/tier_collection.ts';
import type { Upstreams } from '../upstream/upstreams.ts';

type Settings = Config['gc']['shared'];

/** Milliseconds between two looks at whether it is time for a round, at most. */
const longestWait = 600_000;

export class SharedCollector implements Pausable {
  readonly #names: readonly string[];
  readonly #upstreams: Upstreams;
  readonly #log: Logger;
  #settings: Settings;
  #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #counted = new Map<string, number>();

  constructor({ sharedBuckets, gc }: Config, upstreams: Upstreams, log: Logger) {
    this.#names = sharedOver({ sharedBuckets });
    this.#settings = gc.shared;
    this.#upstreams = upstreams;
    this.#log = log;
    this.#wait();
  }

  /** From now on the settings are these. A round that is under way goes on by those before. */
  follow(settings: Settings): void {
    this.#settings = settings;
    clearTimeout(this.#timer);
    this.#wait();
  }

  counters(): Counters {
    return Object.fromEntries(this.#counted);
  }

  async pause(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort(new Error('the server ends, or another one takes over'));
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
    const { intervalSeconds } = this.#settings;
    if (intervalSeconds === 0 || this.#names.length === 0 || this.#ending.signal.aborted) return;
    // Servers that began together do not ask together.
    const [spread = 0] = crypto.getRandomValues(new Uint8Array(1));
    const wait = Math.min(intervalSeconds * 1000, longestWait) * (0.75 + spread / 1024);
    this.#timer = setTimeout(() => {
      this.#running ??= this.#rounds().finally(() => {
        this.#running = undefined;
        clearTimeout(this.#timer);
        this.#wait();
      });
    }, wait).unref();
  }

  async #rounds(): Promise<void> {
    const { signal } = this.#ending;
    for (const upstream of this.#names) {
      if (signal.aborted) return;
      await this.#round(upstream, signal);
    }
  }

  async #round(upstream: string, signal: AbortSignal): Promise<void> {
    const { intervalSeconds, graceSeconds, requestsPerSecond } = this.#settings;
    const pace = { graceSeconds, requestsPerSecond, unlessWithin: intervalSeconds };
    try {
      const tier = new Tier(this.#upstreams.get(upstream));
      const round = await collectTier(tier, { ...pace, dryRun: false, signal });
      if (!round.skipped) this.#note(upstream, round);
    } catch (err) {
      if (signal.aborted) return;
      this.#add(`shared_collections.${upstream}/failed`, 1);
      this.#log.error({ err, upstream }, 'collection of a shared store failed; the next round begins anew');
    }
  }

  #note(upstream: string, { records, blobs, removed, marked, waiting, spared, failed }: SharedRound): void {
    this.#add(`shared_collections.${upstream}/ended`, 1);
    this.#add(`shared_collected_blobs.${upstream}`, removed.blobs);
    this.#add(`shared_collected_bytes.${upstream}`, removed.bytes);
    this.#add(`shared_collection_spared.${upstream}`, spared);
    this.#add(`shared_collection_faults.${upstream}`, failed.length);
    this.#counted.set(`shared_collection_waiting.${upstream}`, marked.bytes + waiting.bytes);
    this.#counted.set(`shared_collection_ended.${upstream}`, Date.now());
    const found = { records, blobs, removed, marked, waiting, spared, failed: failed.length };
    this.#log.info({ upstream, ...found }, 'a shared store was collected');
    for (const each of failed)
      this.#log.warn({ upstream, ...each }, 'a blob of a shared store could not be removed');
  }

  #add(counter: string, number: number): void {
    this.#counted.set(counter, (this.#counted.get(counter) ?? 0) + number);
  }
}

/** The upstreams that buckets are shared over. */
export function sharedOver({ sharedBuckets }: Pick<Config, 'sharedBuckets'>): string[] {
  return [...new Set(Object.values(sharedBuckets).map(({ upstream }) => upstream))];
}

/** What to say of an upstream whose probe found this wrong. */
export function cannotBeShared(upstream: string, wrong: string): string {
  return `upstreams.${upstream}: buckets cannot be shared over this store: ${wrong}`;
}
