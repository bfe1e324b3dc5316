// Context: what the scenarios of a run share: settings, a scratch folder, a site with files of common sizes,
// and servers, which are started when a scenario first needs them.

import { mkdirSync } from 'node:fs';
import { fileServers } from './servers/all.ts';
import type { Server } from './servers/server.ts';
import { GiB, KiB, MiB, makeFile, makeSite, type Site } from './site.ts';

export interface Settings {
  rounds: number;
  /** Length of one round. */
  seconds: number;
  /** Include what takes minutes: slow servers with large files, and the whole long tail. */
  all: boolean;
}

/** Bytes of the files of the shared site. A video segment is 500 KB, as in 2 s at 2 Mbit/s. */
export const fileSizes: Record<string, number> = {
  '1k': KiB,
  '16k': 16 * KiB,
  '100k': 100 * KiB,
  '1m': MiB,
  '500k': 500_000,
  '1g': GiB,
};

export class Context {
  readonly settings: Settings;
  readonly work: string;
  /** Whether the benchmark runs in a kernel with kernel TLS. */
  readonly ktls: boolean;
  readonly #sizes: string[];
  #site: Site | undefined;
  readonly #servers = new Map<string, Promise<Server>>();

  /** @param sizes the files that the shared site must have. */
  constructor(work: string, settings: Settings, sizes: string[], ktls: boolean) {
    this.work = work;
    this.settings = settings;
    this.#sizes = sizes;
    this.ktls = ktls;
  }

  get site(): Site {
    if (this.#site) return this.#site;
    const site = this.separateSite('site');
    for (const size of this.#sizes) makeFile(`${site.files}/${size}.bin`, fileSizes[size] ?? 0);
    this.#site = site;
    return site;
  }

  /** A site for one scenario only. */
  separateSite(name: string): Site {
    const work = `${this.work}/${name.replaceAll(' ', '-')}`;
    mkdirSync(work);
    return makeSite(work, this.ktls);
  }

  /** A server of the shared site. Rejects again if it could not be started before. */
  server(name: string): Promise<Server> {
    const start = fileServers[name];
    if (!start) throw new Error(`there is no server ${name}`);
    const server = this.#servers.get(name) ?? start(this.site);
    this.#servers.set(name, server);
    return server;
  }

  /** Prints progress. */
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  async end(): Promise<void> {
    for (const server of this.#servers.values()) {
      await server.then(
        (started) => started.stop(),
        () => {},
      );
    }
  }
}
