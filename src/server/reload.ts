// Reload: what a running server reads and opens again when it is told to. What cannot be read again stays as
// it is in use, and the rest is read all the same.

import type { Logger } from 'pino';
import { SigningKeys } from '../auth/signing_keys.ts';
import { type Config, ConfigError } from '../config.ts';
import type { ControlListener } from '../control/listener.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import { TlsFiles } from '../engine/tls_files.ts';
import type { Purges } from '../purge/purges.ts';
import { announce } from './announcement.ts';
import { differingSettings, type ServedSites, type SiteChanges } from './sites.ts';

export interface Reloaded {
  sites: SiteChanges;
  /** Further settings that are in use as they are now, and were others before. */
  settings: string[];
  /** Settings that differ from those in use, and take a restart. */
  restart: string[];
}

/** What a reload would change. */
export interface Preview extends Reloaded {
  /** The configuration file that the server reads; empty: it was started without one. */
  file: string;
}

export interface ReloadParts {
  /** What the server was started with. */
  config: Config;
  sites: ServedSites;
  /** Told of the sites before they are served. */
  purges: Pick<Purges, 'follow'>;
  /** Follows the keys of these sites. Throws when one cannot be used. */
  followKeys(sites: Config['sites']): void;
  /** Reads the configuration again; absent: the server was started without a file. */
  readConfig: (() => Promise<Config>) | undefined;
  /** The file that `readConfig` reads; empty: none. */
  configFile: string;
  reopenLogs(): void;
  /** Absent: no listener has TLS. */
  tlsFiles: TlsFiles | undefined;
  /** Undefined until they have started. */
  parts(): { pool: DeliveryPool | undefined; control: ControlListener | undefined };
  log: Logger;
}

/** Settings that are read again, besides the sites. */
type Live = Pick<Config, 'trustedProxies' | 'rateLimits'>;

function liveOf({ trustedProxies, rateLimits }: Live): Live {
  return { trustedProxies, rateLimits };
}

function restartFor(inUse: Config, given: Config): string[] {
  const [used, wanted] = [inUse, given].map((config) => {
    return { ...config, sites: [], sitesFolder: '', ...liveOf(inUse) };
  });
  return used && wanted ? differingSettings(used, wanted) : [];
}

export class Reload {
  readonly #parts: ReloadParts;
  #live: Live;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#live = liveOf(parts.config);
  }

  /** Opens the access log, and reads certificates and keys again. Rejects with the reason when it cannot. */
  readonly tls = async (): Promise<void> => {
    const { reopenLogs, tlsFiles, parts, log } = this.#parts;
    reopenLogs();
    await tlsFiles?.renew((tls) => parts().pool?.replaceTls(tls), log);
    await parts().control?.reload();
  };

  /** Rejects with all reasons why something could not be read again. One reload comes after the other. */
  readonly all = (): Promise<Reloaded> => {
    const mine = this.#last.then(() => this.#all());
    this.#last = mine.catch(() => {});
    return mine;
  };

  /**
   * What `all` would change, as far as it can be known without doing it. Rejects with the reasons why it
   * would be refused.
   */
  readonly preview = async (): Promise<Preview> => {
    const { config, sites, readConfig, configFile } = this.#parts;
    const given = (await readConfig?.()) ?? config;
    new SigningKeys(given.sites);
    if (config.listeners.some(({ tls }) => tls)) await new TlsFiles(config.tls, '').read();
    const settings = differingSettings(this.#live, liveOf(given));
    const changes = { sites: sites.changesTo(given.sites), settings };
    return { file: configFile, ...changes, restart: restartFor(config, given) };
  };

  /** Tells commands beside the server where it is reached, and where objects are. */
  async announce(): Promise<void> {
    const { config, sites, parts, log } = this.#parts;
    const { pool, control } = parts();
    if (!pool || !control) return;
    const at = { listeners: pool.listeners, control: control.url, objects: sites.objectsPath };
    await announce(config, at, log);
  }

  async #all(): Promise<Reloaded> {
    const faults: Error[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        faults.push(error as Error);
        return undefined;
      }
    };
    await attempt(this.tls);
    const done = await attempt(() => this.#sites());
    if (faults.length === 0 && done) return done;
    throw new ConfigError(faults.map(({ message }) => message).join('\n'), { cause: faults[0] });
  }

  async #sites(): Promise<Reloaded> {
    const { config, sites, followKeys, purges, readConfig, parts, log } = this.#parts;
    const given = (await readConfig?.()) ?? config;
    followKeys(given.sites);
    purges.follow(given.sites);
    const path = sites.objectsPath;
    const changes = await sites.replace(given.sites, parts().pool).catch((error) => {
      followKeys(sites.inForce);
      throw error;
    });
    const settings = differingSettings(this.#live, liveOf(given));
    this.#live = liveOf(given);
    if (settings.length > 0) await parts().pool?.replaceRules(this.#live);
    if (sites.objectsPath !== path) await this.announce();
    const { added, removed, changed } = changes;
    const isOther = added.length > 0 || removed.length > 0 || Object.keys(changed).length > 0;
    if (isOther) log.info({ ...changes }, 'the sites were read again');
    if (settings.length > 0) log.info({ settings }, 'settings were read again');
    const restart = restartFor(config, given);
    if (restart.length > 0)
      log.warn({ settings: restart }, 'settings changed that take a restart; those of the start stay in use');
    return { sites: changes, settings, restart };
  }
}
