// ServedSites: the mounts of a running server, made of the sites of its configuration, which are read again
// while it runs.

import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { siteWarnings, whyVersioned } from '../config/site_warnings.ts';
import type { SiteConfig } from '../config/sites.ts';
import type { Handle } from '../engine/bridge.ts';
import type { Answer } from '../engine/plan.ts';
import type { DeliveryPool } from '../engine/pool.ts';
import type { Counters } from '../native/addon.ts';
import type { GrowingUploads } from '../objects/growing_uploads.ts';
import type { Objects } from '../objects/objects.ts';
import { bazel } from '../protocols/bazel/index.ts';
import { live } from '../protocols/live/index.ts';
import { mirror } from '../protocols/mirror/index.ts';
import { objects as objectsProtocol } from '../protocols/objects/index.ts';
import { oci } from '../protocols/oci/index.ts';
import { web } from '../protocols/web/index.ts';
import { publicSite, seenByServer } from '../public_urls.ts';
import { type Asked, askedUrl, type Explanation } from '../sites/explain.ts';
import type { Mount, Protocol, Services } from '../sites/mount.ts';
import { Mounts } from '../sites/mounts.ts';

/** Every protocol that a mount can name. */
const protocols: Record<string, Protocol> = { objects: objectsProtocol, web, live, mirror, oci, bazel };

/** What reading the sites again changed; each site as its host and path, each upstream by its name. */
export interface SiteChanges {
  added: string[];
  removed: string[];
  /** The settings that differ, by site. */
  changed: Record<string, string[]>;
  unchanged: number;
}

type Sites = Config['sites'];

export class ServedSites {
  readonly #mounts: Mounts;
  readonly #objects: Objects;
  readonly #log: Logger;
  /** Below it are objects for the server itself, when sites are configured. Nobody else knows it. */
  readonly #own = `/${randomUUID()}/`;
  readonly #config: Pick<Config, 'limits' | 'listeners' | 'purge'>;
  #sites: Sites;

  constructor(config: Pick<Config, 'sites' | 'limits' | 'listeners' | 'purge'>, services: Services) {
    const { sites } = config;
    this.#objects = services.objects;
    this.#log = services.log;
    this.#sites = sites;
    this.#mounts = new Mounts(this.#mountsOf(sites), protocols, services);
    this.#config = config;
    this.#warn();
  }

  /** Those of the configuration that are served. */
  get inForce(): Sites {
    return this.#sites;
  }

  get handle(): Handle {
    return this.#mounts.handle;
  }

  get growing(): GrowingUploads {
    return this.#mounts.growing;
  }

  /** What was answered for each site, and what publishing points and build caches have counted. */
  counters(pool: Pick<DeliveryPool, 'sites'> | undefined): Counters {
    return { ...pool?.sites(), ...this.#mounts.points.counters(), ...this.#mounts.builds.counters() };
  }

  get table(): Mounts['table'] {
    return this.#mounts.table;
  }

  /**
   * Where objects are for the server itself and for commands beside it: without sites at /, as for everybody.
   */
  get objectsPath(): string {
    return this.#pathWith(this.#sites);
  }

  /** What a URL is answered with, and why. Undefined: it is none. @param token of a reader. */
  explain(url: string, token: string): Promise<Explanation> | undefined {
    const asked = this.#asked(url);
    return asked && this.#mounts.explain(asked, token);
  }

  /** What a request for a URL is answered with. Undefined: it is none. @param token of a reader. */
  ask(url: string, token: string): Promise<Answer> | undefined {
    const asked = this.#asked(url);
    return asked && this.#mounts.ask(asked, token);
  }

  #asked(url: string): Asked | undefined {
    const asked = askedUrl(url);
    if (!asked) return undefined;
    const site = publicSite(this.#sites ?? [], url);
    const [sent = ''] = url.split('#', 1);
    return site ? { ...asked, ...seenByServer(site, sent) } : asked;
  }

  /** What serving these sites would change. */
  changesTo(sites: Sites): SiteChanges {
    return changesOf(this.#sites ?? [], sites ?? []);
  }

  /** Serves these sites from now on. Resolves when every request whose head arrives later is for them. */
  async replace(sites: Sites, pool: Pick<DeliveryPool, 'replaceMounts'> | undefined): Promise<SiteChanges> {
    const changes = this.changesTo(sites);
    if (isDeepStrictEqual(sites, this.#sites)) return changes;
    const forget = this.#mounts.replace(this.#mountsOf(sites));
    this.#sites = sites;
    await pool?.replaceMounts(this.table);
    // No request waits for the application any more then.
    void setTimeout(this.#config.limits.applicationTimeout, undefined, { ref: false }).then(forget);
    this.#warn();
    return changes;
  }

  #mountsOf(sites: Sites): Mount[] {
    const configured = (sites ?? []).map((site): Mount => {
      const { host, path, protocol, bucket } = site;
      return { host, path, protocol, ...(bucket !== undefined && { bucket }), site };
    });
    // On each host, as a site of a host takes all paths from those of any host.
    const hosts = new Set(['*', ...configured.map(({ host }) => host)]);
    const path = this.#pathWith(sites);
    return [...configured, ...[...hosts].map((host): Mount => ({ host, path, protocol: 'objects' }))];
  }

  #pathWith(sites: Sites): string {
    return sites === undefined ? '/' : this.#own;
  }

  #warn(): void {
    const sites = this.#sites;
    for (const warning of siteWarnings({ ...this.#config, sites })) this.#log.warn(warning);
    void Promise.all((sites ?? []).map((site) => this.#warnOf(site)));
  }

  /** Buckets and objects may be made later. */
  async #warnOf({ host, path, bucket, prefix = '', ...site }: SiteConfig): Promise<void> {
    if (bucket === undefined) return;
    try {
      const { kind, keep } = this.#objects.bucket(bucket);
      if (site.protocol === 'live' && kind === 'versioned' && keep === undefined)
        this.#log.warn(
          { host, path, bucket },
          'the bucket of a publishing point keeps all versions of all playlists; ' +
            `its space comes back with: sealgate bucket set ${bucket} --keep-versions 0`,
        );
      const why = kind === 'write-once' ? whyVersioned(site) : undefined;
      if (why !== undefined) this.#log.warn({ host, path, bucket }, why);
    } catch (err) {
      this.#log.warn({ host, path, err }, 'a site has nothing to serve until its bucket is made');
      return;
    }
    const named = { fallback: site.fallback, notFound: site.notFound, ...site.errorPages };
    for (const [setting, name] of Object.entries(named)) {
      if (name === undefined) continue;
      const object = `${bucket}/${prefix}${name}`;
      await this.#objects.head({ bucket, name: prefix + name }).catch(({ message: reason }) => {
        this.#log.warn({ host, path, setting, object, reason }, 'a site names an object that is not there');
      });
    }
  }
}

function changesOf(before: readonly SiteConfig[], after: readonly SiteConfig[]): SiteChanges {
  const byName = (sites: readonly SiteConfig[]) =>
    Object.fromEntries(sites.map((site) => [nameOf(site), site]));
  return changesByName(byName(before), byName(after));
}

/** What differs in settings that have names of their own, as sites and upstreams have. */
export function changesByName(before: Record<string, object>, after: Record<string, object>): SiteChanges {
  const [earlier, later] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const changed: Record<string, string[]> = {};
  let unchanged = 0;
  for (const [name, one] of later) {
    const its = earlier.get(name);
    const settings = its === undefined ? [] : differing(its, one);
    if (settings.length > 0) changed[name] = settings;
    else if (its !== undefined) unchanged += 1;
  }
  return {
    added: [...later.keys()].filter((name) => !earlier.has(name)),
    removed: [...earlier.keys()].filter((name) => !later.has(name)),
    changed,
    unchanged,
  };
}

/** Names of the settings that two sections do not have alike. */
function differing(one: object, other: object): string[] {
  const [a, b] = [one, other].map((each) => new Map(Object.entries(each)));
  const names = new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])]);
  return [...names].filter((name) => !isDeepStrictEqual(a?.get(name), b?.get(name)));
}

/**
 * Names of the settings of two configurations that differ, those in a section with its name before them:
 * `limits.uploads`.
 */
export function differingSettings(one: object, other: object): string[] {
  const [a, b] = [new Map(Object.entries(one)), new Map(Object.entries(other))];
  return differing(one, other).flatMap((name) => {
    const [its, others]: [unknown, unknown] = [a.get(name), b.get(name)];
    if (!isSection(its) || !isSection(others)) return [name];
    return differing(its, others).map((setting) => `${name}.${setting}`);
  });
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf({ host, path }: SiteConfig): string {
  return host + path;
}
