// A build cache: a bucket, or what begins with a prefix in it, as Bazel's HTTP cache. Action results are the
// objects `ac/INSTANCE/HEX`, and the blobs that they name `cas/HEX`, whatever the instance.

import type { EngineRequest } from '../../engine/engine_request.ts';
import type { Answer } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import type { Name } from '../../objects/objects.ts';
import { CacheTotals } from '../../sites/build_caches.ts';
import { type Mount, type Services, siteName } from '../../sites/mount.ts';
import { decodedPath } from '../../sites/paths.ts';
import type { MirrorSpace } from '../../upstream/mirror_space.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';

export interface Cache {
  services: Services;
  bucket: string;
  /** What names in the bucket begin with. */
  prefix: string;
  /** Keeps the bucket within its bounds, and knows what is used. */
  space: MirrorSpace;
  totals: CacheTotals;
  /** The thread that reads what is large. */
  documents: Pick<Upstreams['documents'], 'read'>;
}

/** What a path names. */
export interface Entry {
  kind: 'ac' | 'cas';
  /** Of an action result, with a slash at its end where it is not empty. */
  instance: string;
  hex: string;
}

export type CacheRoute = (request: EngineRequest, entry: Entry) => Answer | Promise<Answer>;

export function cacheOf(services: Services, mount: Mount): Cache {
  const { bucket = '', site } = mount;
  const shared = services.upstreams;
  if (!shared) throw new Error('a build cache takes a space to keep within');
  const { space, documents } = shared;
  const totals = services.builds?.of(siteName(mount)) ?? new CacheTotals();
  return { services, bucket, prefix: site?.prefix ?? '', space, totals, documents };
}

const entryPath = /^(|.+\/)(ac|cas)\/([0-9a-f]{64})$/;

/** Undefined: a cache has nothing there. @param own path of the mount. */
export function entryAt(own: string, path: string): Entry | undefined {
  const below = decodedPath(path.slice(own.length));
  const [, instance = '', kind, hex = ''] = entryPath.exec(below ?? '') ?? [];
  return kind === 'ac' || kind === 'cas' ? { kind, instance, hex } : undefined;
}

export function nameOf({ bucket, prefix }: Pick<Cache, 'bucket' | 'prefix'>, entry: Entry): Name {
  const { kind, instance, hex } = entry;
  return { bucket, name: kind === 'cas' ? `${prefix}cas/${hex}` : `${prefix}ac/${instance}${hex}` };
}

export function blobNamed(cache: Pick<Cache, 'bucket' | 'prefix'>, hex: string): Name {
  return nameOf(cache, { kind: 'cas', instance: '', hex });
}

/** Throws `target-invalid`. */
export function noEntry(): never {
  throw new SealgateError(
    'target-invalid',
    'A build cache has paths that end with ac/ or cas/ and 64 lower-case hex digits.',
  );
}
