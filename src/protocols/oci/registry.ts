// A registry: a bucket, or what begins with a prefix in it, and what its routes work with.

import type { SiteConfig } from '../../config/sites.ts';
import type { EngineRequest } from '../../engine/engine_request.ts';
import type { Answer } from '../../engine/plan.ts';
import type { Conditions, ResponseField } from '../../native/addon.ts';
import type { Name } from '../../objects/objects.ts';
import { publicLocation } from '../../public_urls.ts';
import type { InRepository, Scope } from '../../scopes.ts';
import type { Mount, Services } from '../../sites/mount.ts';
import { type Common, commonOf } from './common.ts';
import { RegistryError } from './errors.ts';
import { RepositoryNames } from './names.ts';
import { type Pull, pulledFrom, pullOf } from './pull/pull.ts';

export interface Registry {
  services: Services;
  bucket: string;
  /** What names in the bucket begin with. */
  prefix: string;
  /** The path of the mount, as clients send it. */
  path: string;
  site: SiteConfig | undefined;
  common: Common;
  /** Undefined: it has what is pushed to it, and nothing else. */
  pull: Pull | undefined;
}

/** What a path names: a repository, and what of it. */
export interface Target {
  repository: string;
  names: RepositoryNames;
  /** A digest, a tag, or the id of an upload. */
  reference: string;
}

export type RegistryRoute = (request: EngineRequest, target: Target) => Answer | Promise<Answer>;

/** What clients older than the specification look for. */
export const versionField: ResponseField = ['Docker-Distribution-Api-Version', 'registry/2.0'];

export const unconditional: Conditions = {
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifUnmodifiedSince: undefined,
};

export function registryOf(services: Services, mount: Mount): Registry {
  const { path, bucket = '', site } = mount;
  const common = commonOf(services);
  const pull = pullOf(services, mount);
  return { services, bucket, prefix: site?.prefix ?? '', path, site, common, pull };
}

export function targetOf({ prefix }: Registry, repository: string, reference: string): Target {
  return { repository, names: new RepositoryNames(prefix, repository), reference };
}

/** Lets a request pass or throws. @returns the grant that a request for the same must have. */
export function authorized(
  { services, bucket, prefix, pull }: Registry,
  request: EngineRequest,
  action: InRepository['action'],
  repository: string,
): Scope {
  const needed = action === 'pull' ? 'read' : 'write';
  const grant = services.authorize(request, needed, bucket, { action, name: prefix + repository });
  if (action !== 'push' || !pulledFrom(pull, repository)) return grant;
  const message = 'Upstreams are asked for this repository; "mirror.local" names those that are pushed to.';
  throw new RegistryError(403, 'DENIED', message);
}

/** What a repository is called among all of the server. */
export function keyOf(bucket: string, names: RepositoryNames): string {
  return `${bucket}/${names.all}`;
}

/** One at a time of those that change a repository. */
export function alone<T>(
  { common, bucket }: Registry,
  { names }: Target,
  change: () => Promise<T>,
): Promise<T> {
  return common.locks.run(keyOf(bucket, names), change);
}

export function at({ bucket }: Registry, name: string): Name {
  return { bucket, name };
}

/** Where a path of the registry is, as clients see it. @param below what follows `/v2/`. */
function pathOf({ path, site }: Registry, below: string): string {
  return publicLocation(site, path + below);
}

/** A page that follows. */
export function nextPage(registry: Registry, below: string, query: Record<string, string>): ResponseField {
  return ['Link', `<${pathOf(registry, below)}?${new URLSearchParams(query)}>; rel="next"`];
}
