// Upstreams: those of the configuration, by name, with what all of them share.

import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { UpstreamConfig } from '../config/upstreams.ts';
import type { Counters } from '../native/addon.ts';
import { Documents } from './documents.ts';
import { Fetcher } from './fetcher.ts';
import { Flights } from './flights.ts';
import { Freshness } from './freshness.ts';
import { Heads } from './heads.ts';
import type { MirrorSpace } from './mirror_space.ts';
import { Upstream } from './upstream.ts';

export class Upstreams {
  readonly flights = new Flights();
  readonly heads = new Heads();
  readonly freshness: Freshness;
  readonly documents = new Documents();
  /** Where what is fetched is kept. */
  readonly space: MirrorSpace;
  /** Versions of packages that an upstream changed after they were published, which never happens. */
  changedVersions = 0;
  readonly #fetcher = new Fetcher();
  readonly #log: Logger;
  readonly #ending = new AbortController();
  #byName = new Map<string, Upstream>();

  /** Throws when a file that one of them names cannot be read. */
  constructor(configs: Readonly<Record<string, UpstreamConfig>>, space: MirrorSpace, log: Logger) {
    this.space = space;
    this.freshness = new Freshness(space.freshness);
    this.#log = log;
    // Each fetch that is under way listens: that are not ten, which Node warns of as a leak.
    setMaxListeners(0, this.#ending.signal);
    this.prepare(configs)();
  }

  /**
   * Looks at other settings. Throws as the constructor does.
   * @returns what puts them in force. What is under way goes on as it began.
   */
  prepare(configs: Readonly<Record<string, UpstreamConfig>>): () => void {
    const found = Object.entries(configs).map(([name, config]): [string, Upstream] => {
      const known = this.#byName.get(name);
      const isSame = known && isDeepStrictEqual(known.config, config);
      return [name, isSame ? known : new Upstream(name, config, this.#fetcher, this.#log)];
    });
    return () => {
      this.#byName = new Map(found);
      if (this.#byName.size > 0) this.#fetcher.warm();
    };
  }

  /** Throws where there is none: the configuration names those that there are. */
  get(name: string): Upstream {
    const upstream = this.#byName.get(name);
    if (upstream) return upstream;
    throw new Error(`there is no upstream ${name}`);
  }

  /** Aborted when the server ends. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  counters(): Counters {
    const all = [...this.#byName.values()].map((upstream) => upstream.counters());
    const own = { upstream_joined: this.flights.joined, upstream_changed_versions: this.changedVersions };
    return Object.assign(own, ...all, this.space.counters());
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.flights.ended();
    await this.space.close();
    await Promise.all([this.#fetcher.close(), this.documents.close()]);
  }
}
