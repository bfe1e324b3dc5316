// Mounts of a server: what each serves, and the table by which the engine finds the one that a request is for
// (native/server/mounts.h): the most specific host decides, then the longest path. What no mount of a host
// covers is looked for among those of less specific hosts, and last among those of all hosts.

import { isDeepStrictEqual } from 'node:util';
import type { Handle } from '../engine/bridge.ts';
import type { EngineRequest } from '../engine/engine_request.ts';
import type { Answer } from '../engine/plan.ts';
import { problem } from '../engine/plan.ts';
import type { EngineMount } from '../native/addon.ts';
import { GrowingUploads } from '../objects/growing_uploads.ts';
import { isVideoSite } from '../video_site.ts';
import { accessOf } from './access.ts';
import { BuildCaches } from './build_caches.ts';
import { engineCors } from './cors.ts';
import { type Asked, askFor, type Explained, type Explanation, explain } from './explain.ts';
import { whileWritingOf } from './growing.ts';
import { type Mount, type Protocol, type Services, siteName } from './mount.ts';
import { negotiationOf } from './negotiation.ts';
import { inPlace, Places } from './places.ts';
import { cachingOf, withPolicy } from './policy.ts';
import { PublishingPoints } from './publishing_points.ts';

/** Mounts that can be served, and their application. */
interface Prepared {
  mounts: readonly Mount[];
  /** What the engine is told of each. */
  table: readonly EngineMount[];
  /** The application of each, by the id by which the engine names it. */
  handles: ReadonlyMap<number, Handle>;
  unserved: Handle;
  places: Places;
}

interface Served {
  told: EngineMount;
  handle: Handle;
}

export class Mounts {
  readonly #protocols: Readonly<Record<string, Protocol>>;
  readonly #services: Services;
  /** An upload at one site may be read at another. */
  /** Uploads under way that may be read. */
  readonly growing = new GrowingUploads();
  readonly points = new PublishingPoints();
  readonly builds = new BuildCaches();
  #lastId = 0;
  #inForce: Prepared;
  /** The applications of mounts that were replaced: requests for them may be under way. */
  readonly #before = new Set<ReadonlyMap<number, Handle>>();

  /** Throws when a mount cannot be, or two are in the same place. */
  constructor(mounts: readonly Mount[], protocols: Readonly<Record<string, Protocol>>, services: Services) {
    this.#protocols = protocols;
    this.#services = services;
    this.#inForce = this.#prepare(mounts);
  }

  /** The mounts as the engine is told of them. */
  get table(): readonly EngineMount[] {
    return this.#inForce.table;
  }

  /** The application of the server: that of the mount that the engine found for a request. */
  readonly handle: Handle = (request) => this.#handleOf(request.mount)(request);

  /**
   * Serves these mounts in place of those before, once the engine is told of them. A mount that is as it was
   * keeps its id and with it its kept plans. Throws when a mount cannot be; nothing has changed then.
   * @returns what to call when no request for a replaced mount is under way any more.
   */
  replace(mounts: readonly Mount[]): () => void {
    const before = this.#inForce.handles;
    this.#inForce = this.#prepare(mounts, this.#inForce);
    this.#before.add(before);
    for (const each of [this.points, this.builds]) each.keep(new Set(mounts.map(siteName)));
    return () => this.#before.delete(before);
  }

  readonly #places = (): Places => this.#inForce.places;

  /** @param token of a reader, whose grants the answer may need; empty: none. */
  explain(asked: Asked, token: string): Promise<Explanation> {
    return explain(asked, this.#explained(), token);
  }

  /** What a request is answered with. @param token as `explain` has it. */
  ask(asked: Asked, token: string): Promise<Answer> {
    return askFor(asked, this.#explained(), token);
  }

  #explained(): Explained {
    const { mounts, table } = this.#inForce;
    return { mounts, table, handle: this.handle, protocols: this.#protocols, log: this.#services.log };
  }

  #handleOf(id: number): Handle {
    const inForce = this.#inForce.handles.get(id);
    if (inForce || id === 0) return inForce ?? this.#inForce.unserved;
    for (const handles of this.#before) {
      const handle = handles.get(id);
      if (handle) return handle;
    }
    return this.#inForce.unserved;
  }

  #prepare(mounts: readonly Mount[], before?: Prepared): Prepared {
    mounts.forEach(checkMount);
    checkPlaces(mounts);
    const known = unchanged(mounts, before);
    const handles = new Map<number, Handle>();
    const table = mounts.map((mount): EngineMount => {
      const { handle, told } = known.get(placeOf(mount)) ?? this.#serve(mount);
      handles.set(told.id, handle);
      return told;
    });
    const isServed = servedHosts(mounts);
    const none: Handle = ({ authority }) => problem(isServed(authority) ? 'not-found' : 'misdirected');
    const unserved = inPlace(none, undefined, this.#places);
    return { mounts, table, handles, unserved, places: new Places(mounts, table) };
  }

  // An id is never used twice, so plans that were kept for a mount answer for no other.
  #serve(mount: Mount): Served {
    const services = this.#services;
    const { serve, parameters, opaquePaths, refusesItself, encoders } = protocolOf(mount, this.#protocols);
    const caching = cachingOf(mount);
    const negotiate = negotiationOf(mount, services);
    const { services: its, told } = accessOf(mount, services);
    const siteBelow = (request: EngineRequest) => this.#places().siteBelow(request);
    const tagFields = mount.site?.tagFields;
    const whileWriting = whileWritingOf(mount, this.growing);
    const rules = {
      ...(caching && { caching }),
      ...(negotiate && { negotiate }),
      ...(tagFields && { tagFields }),
      ...(whileWriting && { whileWriting }),
      ...resumableOf(mount, services),
    };
    const shared = { points: this.points, builds: this.builds, arriving: this.growing };
    const served = serve({ ...its, siteBelow, ...shared, ...rules }, mount);
    const placed = opaquePaths ? served : inPlace(served, mount, this.#places);
    const handle = withPolicy(placed, mount, refusesItself);
    const { host, path, site } = mount;
    const cors = site?.cors && engineCors(site.cors);
    this.#lastId += 1;
    const name = siteName(mount);
    const more = {
      ...told,
      ...(negotiate && { codings: true }),
      ...(cors && { cors }),
      ...(site?.cacheStatus && { cacheStatus: true }),
      ...((encoders || whileWriting) && { encoders: true }),
      ...(site && isVideoSite(site) && { cmcd: true }),
      name,
    };
    return { handle, told: { id: this.#lastId, host, path, parameters, ...more } };
  }
}

function resumableOf({ site }: Mount, { uploads }: Services): Pick<Services, 'resumable'> {
  const settings = site?.resumableUploads;
  return settings && uploads ? { resumable: { uploads, expireAfter: settings.expireAfter * 1000 } } : {};
}

/**
 * What was made of mounts that are as they were, by their place. Empty when there are mounts in other places:
 * these may take paths from a mount that it has kept plans for.
 */
function unchanged(mounts: readonly Mount[], before: Prepared | undefined): Map<string, Served> {
  const known = new Map<string, Served>();
  if (!before) return known;
  const earlier = new Map(
    before.mounts.map((mount, at) => [placeOf(mount), { mount, told: before.table[at] }]),
  );
  if (earlier.size !== mounts.length || mounts.some((each) => !earlier.has(placeOf(each)))) return new Map();
  for (const mount of mounts) {
    const place = placeOf(mount);
    const { mount: its, told } = earlier.get(place) ?? {};
    const handle = told && before.handles.get(told.id);
    if (handle && isDeepStrictEqual(its, mount)) known.set(place, { told, handle });
  }
  return known;
}

/** Whether any configured site has this host. Where none is configured, every host is served. */
function servedHosts(mounts: readonly Mount[]): (authority: string) => boolean {
  const hosts = new Set(mounts.flatMap(({ site }) => (site ? [site.host] : [])));
  if (hosts.size === 0 || hosts.has('*')) return () => true;
  return (authority) => {
    // As the engine compares them (native/server/mounts.cc).
    const host = authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
    if (hosts.has(host)) return true;
    const dots = [...host.matchAll(/\./g)].filter(({ index }) => index > 0);
    return dots.some(({ index }) => hosts.has(`*${host.slice(index)}`));
  };
}

function protocolOf(mount: Mount, protocols: Readonly<Record<string, Protocol>>): Protocol {
  const protocol = Object.hasOwn(protocols, mount.protocol) ? protocols[mount.protocol] : undefined;
  if (protocol) return protocol;
  const known = Object.keys(protocols).join(', ');
  throw new Error(`A mount at ${mount.path}: there is no protocol ${mount.protocol}; there is ${known}.`);
}

const hostPattern = /^(?:\*|(?:\*\.)?[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*|\[[0-9a-f:.]+\])$/;

/** Compared with targets as they are sent: without a query, and encoded where they are. */
const pathPattern = /^\/(?:[!-"$->@-~]*\/)?$/;

function checkMount({ host, path }: Mount): void {
  if (!hostPattern.test(host))
    throw new Error(`A mount at host ${host}: expected a name in lower case, *.name or *, without a port.`);
  if (!pathPattern.test(path))
    throw new Error(
      `A mount at ${path}: expected a path as clients send it, that begins and ends with a slash.`,
    );
}

function checkPlaces(mounts: readonly Mount[]): void {
  const places = new Set<string>();
  for (const mount of mounts) {
    const { host, path } = mount;
    if (places.has(placeOf(mount)))
      throw new Error(`Two mounts at host ${host} and path ${path}; leave one out.`);
    places.add(placeOf(mount));
  }
}

function placeOf({ host, path }: Mount): string {
  return host + path;
}
