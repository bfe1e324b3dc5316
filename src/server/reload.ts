// Reload: what a running server reads and opens again when it is told to. All of it is taken, or nothing.

import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config/config.ts';
import { withoutBucket } from '../config/site_warnings.ts';
import { announce } from './announcement.ts';
import { tellReload } from './manager.ts';
import {
  type Change,
  missingBuckets,
  parts as partsOfServer,
  type Reloadables,
  type StartedParts,
} from './reload_parts.ts';
import { afterReload } from './reloadable.ts';
import { changesByName, differingSettings, type SiteChanges } from './sites.ts';

export interface Reloaded {
  sites: SiteChanges;
  upstreams: SiteChanges;
  /** Buckets that were made. */
  buckets: string[];
  /** Further settings that are in use as they are now, and were others before. */
  settings: string[];
  /** Settings that differ from those in use, and take a restart. */
  restart: string[];
  /** Sentences about what is odd for this store, and no fault. */
  warnings: string[];
}

/** What a reload would change. */
export interface Preview extends Reloaded {
  /** The configuration file that the server reads; empty: it was started without one. */
  file: string;
}

export interface ReloadParts extends Reloadables {
  /** What the server was started with. */
  asked: Config;
  /** What it uses, adjusted to the host: whoever reads a setting from it later has the new one. */
  config: Config;
  /** Reads the configuration again; absent: the server was started without a file. */
  readConfig: (() => Promise<Config>) | undefined;
  /** The file that `readConfig` reads; empty: none. */
  configFile: string;
  /** `state`: nothing is read again before it is `ready`, or after that. */
  parts(): { [Part in keyof StartedParts]?: StartedParts[Part] | undefined } & { state: string };
  log: Logger;
}

/** What a configuration would change, and how it is done. */
interface Plan {
  given: Config;
  changes: Change[];
  said: Reloaded;
}

export class Reload {
  readonly #parts: ReloadParts;
  /** The configuration in use, as it was written. */
  #asked: Config;
  #last: Promise<unknown> = Promise.resolve();
  #isPaused = false;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#asked = parts.asked;
  }

  /** Opens the access log, and reads certificates and keys again. Rejects with the reason when it cannot. */
  readonly tls = (): Promise<void> => this.#inTurn(async () => void (await this.#take(this.#asked)));

  /**
   * Rejects with all reasons why something cannot be taken; then nothing has changed. The service manager is
   * told, whoever asks for it, once the server is ready: not before, as READY follows.
   */
  readonly all = (): Promise<Reloaded> =>
    this.#inTurn(() => {
      const { parts, log } = this.#parts;
      return parts().state === 'ready' ? tellReload(log, this.#all) : this.#all();
    });

  readonly #all = async (): Promise<Reloaded> => {
    const done = await this.#take(await this.#given());
    this.#tell(done);
    return done;
  };

  /** What `all` would change. Rejects with the reasons why it would be refused. */
  readonly preview = async (): Promise<Preview> => {
    const { said } = await this.#plan(await this.#given());
    return { file: this.#parts.configFile, ...said };
  };

  /** Reloads nothing before `resume`, since another process is to take over. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#last;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Tells commands beside the server where it is reached, and where objects are. */
  async announce(): Promise<void> {
    const { config, sites, parts, log } = this.#parts;
    const { pool, control } = parts();
    if (!pool || !control) return;
    const at = { listeners: pool.listeners, control: control.url, objects: sites.objectsPath };
    await announce(config, at, log);
  }

  async #given(): Promise<Config> {
    return (await this.#parts.readConfig?.()) ?? this.#asked;
  }

  // One comes after the other.
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }

  #started(): StartedParts {
    const { pool, control, watchers, state } = this.#parts.parts();
    if (this.#isPaused)
      throw new ConfigError('another process takes over from this one; have that one reload');
    if (state !== 'ready' || !pool || !control || !watchers)
      throw new ConfigError(`the server is ${state}: it reads nothing again`);
    return { pool, control, watchers };
  }

  async #plan(read: Config): Promise<Plan> {
    const all = { ...this.#parts, ...this.#started() };
    const before = this.#asked;
    const given = afterReload(before, read);
    const faults: Error[] = [];
    const changes: Change[] = [];
    for (const part of partsOfServer)
      try {
        changes.push(await part(before, given, all));
      } catch (error) {
        faults.push(error as Error);
      }
    if (faults.length > 0)
      throw new ConfigError(faults.map(({ message }) => message).join('\n'), { cause: faults[0] });
    // Sites, upstreams and buckets are told by themselves.
    const others = ({ sites, sitesFolder, upstreams, buckets, $schema, ...rest }: Config) => rest;
    const said = {
      sites: all.sites.changesTo(given.sites),
      upstreams: changesByName(before.upstreams, given.upstreams),
      buckets: missingBuckets(given, all.store),
      settings: differingSettings(others(before), others(given)),
      restart: differingSettings(given, read),
      warnings: withoutBucket(given, (name) => all.store.bucket(name) !== undefined),
    };
    return { given, changes, said };
  }

  async #take(read: Config): Promise<Reloaded> {
    const { config, sites } = this.#parts;
    const { given, changes, said } = await this.#plan(read);
    const [used, path, certificate] = [{ ...config }, sites.objectsPath, config.tls.certificate];
    const done: Change[] = [];
    Object.assign(config, afterReload(config, given));
    try {
      for (const change of changes) {
        await change.take();
        done.push(change);
      }
    } catch (error) {
      Object.assign(config, used);
      await this.#giveBack(done);
      throw new ConfigError((error as Error).message, { cause: error });
    }
    this.#asked = given;
    if (sites.objectsPath !== path || config.tls.certificate !== certificate) await this.announce();
    return said;
  }

  async #giveBack(done: Change[]): Promise<void> {
    for (const change of done.reverse())
      try {
        await change.giveBack();
      } catch (error) {
        this.#parts.log.error(
          { err: error },
          'a refused reload cannot be taken back whole; restart the server',
        );
      }
  }

  #tell({ sites, upstreams, buckets, settings, restart }: Reloaded): void {
    const { log } = this.#parts;
    const isOther = ({ added, removed, changed }: SiteChanges) =>
      added.length > 0 || removed.length > 0 || Object.keys(changed).length > 0;
    if (isOther(sites)) log.info({ ...sites }, 'the sites were read again');
    if (isOther(upstreams)) log.info({ ...upstreams }, 'the upstreams were read again');
    if (buckets.length > 0) log.info({ buckets }, 'buckets were made');
    if (settings.length > 0) log.info({ settings }, 'settings were read again');
    if (restart.length > 0)
      log.warn({ settings: restart }, 'settings changed that take a restart; those of the start stay in use');
  }
}
