// Bounds: how much a bucket of mirrors and build caches may keep and for how long without use, by the sites
// that fill it, and which of its names are never evicted.

import type { SiteConfig } from '../config/sites.ts';
import type { ObjectFields } from '../object_fields.ts';
import { pathPattern } from '../path_pattern.ts';
import { mayBeHadAgain } from './keeping.ts';

export interface Bounds {
  /** Bytes; Infinity: any number. */
  maxBytes: number;
  /** Milliseconds; Infinity: for ever. */
  unusedMs: number;
  /** Whether older versions go as soon as there is a newer one. */
  dropsOlder: boolean;
  /** Whether a name with such an object can be had again. */
  mayGo(name: string, fields: ObjectFields | undefined): boolean;
}

const day = 86_400_000;

type MayGo = Bounds['mayGo'];

/** With what each site says of its own names. */
interface Shared extends Omit<Bounds, 'mayGo'> {
  mirrors: MayGo[];
  caches: MayGo[];
}

function unbounded(): Shared {
  const none = Number.POSITIVE_INFINITY;
  return { maxBytes: none, unusedMs: none, dropsOlder: false, mirrors: [], caches: [] };
}

/** By bucket, those of all sites that keep what can be had again: of several the tightest bound counts. */
export function boundsOf(sites: readonly SiteConfig[]): Map<string, Bounds> {
  const found = new Map<string, Bounds & Shared>();
  for (const site of sites) {
    const { bucket, protocol, mirror, bazel } = site;
    if (!keepsWhatCanBeHadAgain(site) || bucket === undefined) continue;
    const { maxBytes = Number.POSITIVE_INFINITY, unusedDays = Number.POSITIVE_INFINITY } =
      mirror ?? bazel ?? {};
    const { mirrors, caches, ...before } = found.get(bucket) ?? unbounded();
    if (protocol === 'bazel') caches.push(madeByBuilds(site));
    else mirrors.push(mirrored(site));
    found.set(bucket, {
      ...{ mirrors, caches },
      maxBytes: Math.min(maxBytes, before.maxBytes),
      unusedMs: Math.min(unusedDays * day, before.unusedMs),
      dropsOlder: before.dropsOlder || protocol === 'bazel',
      mayGo: (...object) =>
        caches.some((each) => each(...object)) ||
        (mirrors.length > 0 && mirrors.every((each) => each(...object))),
    });
  }
  return found;
}

function keepsWhatCanBeHadAgain({ protocol, upstreams }: SiteConfig): boolean {
  return protocol === 'mirror' || protocol === 'bazel' || (protocol === 'oci' && upstreams !== undefined);
}

function mirrored({ path, prefix = '', protocol, mirror }: SiteConfig): MayGo {
  const local = (mirror?.local ?? []).map(pathPattern);
  const isLocal = (name: string) => {
    const below = name.slice(prefix.length);
    if (!name.startsWith(prefix)) return false;
    if (protocol === 'oci') return local.some((each) => coversRepository(each, path, repositoryIn(below)));
    return local.some((each) => each.matches(path + below));
  };
  return (name, fields) => mayBeHadAgain(fields) && !isLocal(name);
}

/** Names of a build cache (protocols/bazel/cache.ts). */
const ofBuilds = /^(?:cas\/|ac\/(?:.+\/)?)[0-9a-f]{64}$/;

function madeByBuilds({ prefix = '' }: SiteConfig): MayGo {
  return (name) => name.startsWith(prefix) && ofBuilds.test(name.slice(prefix.length));
}

/** What stands before the part of a name that begins with an underscore. */
function repositoryIn(name: string): string {
  const end = name.indexOf('/_');
  return end < 0 ? name : name.slice(0, end);
}

/** Whether a pattern of paths covers a repository of images: by its own path, or by what is below it. */
export function coversRepository(
  { matches }: Pick<ReturnType<typeof pathPattern>, 'matches'>,
  path: string,
  repository: string,
): boolean {
  return matches(path + repository) || matches(`${path}${repository}/manifests/latest`);
}

/** Whether anything of it is ever evicted. */
export function isBounded({ maxBytes, unusedMs }: Bounds): boolean {
  return Number.isFinite(maxBytes) || Number.isFinite(unusedMs);
}
