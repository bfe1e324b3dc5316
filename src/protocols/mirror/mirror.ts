// A mirror: a bucket, or what begins with a prefix in it, and the upstreams that its objects come from.

import { type MirrorConfig, type MirrorRule, mirrorSchema } from '../../config/mirror.ts';
import type { Digests } from '../../digest.ts';
import { keyOf, type Name } from '../../objects/found.ts';
import { pathPattern } from '../../path_pattern.ts';
import { publicUrlOf } from '../../public_urls.ts';
import type { Mount, Services } from '../../sites/mount.ts';
import type { BucketKind } from '../../store/store.ts';
import type { Freshness } from '../../upstream/freshness.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';

export interface Mirror {
  services: Services;
  bucket: string;
  /** What names in the bucket begin with. */
  prefix: string;
  /** The path of the mount, as clients send it. */
  path: string;
  settings: MirrorConfig;
  /** Where clients see it; undefined: nothing says. */
  publicUrl: string | undefined;
  isLocal(path: string): boolean;
  /** Undefined: the fields of the upstream decide. @param path as clients see it. */
  ruleOf(path: string): Ruled | undefined;
  /** Asked in this order. */
  upstreams(): Upstream[];
  shared: Upstreams;
  freshness: Freshness;
  /** Whether answers say what came of them in Cache-Status. */
  saysStatus: boolean;
}

export type Ruled = Pick<MirrorRule, 'immutable' | 'freshSeconds'> & {
  /** The SHA-256 that the path says; undefined: it says none. Not a digest: no bytes have it. */
  sha256: string | undefined;
  /** Further digests that the bytes must have. */
  digests?: Digests | undefined;
};

export function mirrorOf(services: Services, { path, bucket = '', site }: Mount): Mirror {
  const shared = services.upstreams;
  if (!shared) throw new Error('a mirror takes upstreams');
  const settings = site?.mirror ?? mirrorSchema.parse({});
  const local = settings.local.map(pathPattern);
  const rules = settings.rules.map((rule) => ({ ...rule, pattern: pathPattern(rule.match) }));
  const names = site?.upstreams ?? [];
  return {
    ...{ services, bucket, prefix: site?.prefix ?? '', path, settings, shared },
    publicUrl: site && publicUrlOf(site),
    isLocal: (asked) => local.some((pattern) => pattern.matches(asked)),
    ruleOf: (asked) => {
      for (const { pattern, immutable, freshSeconds, sha256 } of rules) {
        const captures = pattern.captures(asked);
        if (!captures) continue;
        const digest = sha256 === undefined ? undefined : (captures[Number(sha256.slice(1)) - 1] ?? '');
        return { immutable, freshSeconds, sha256: digest?.toLowerCase() };
      }
      return undefined;
    },
    upstreams: () => names.map((name) => shared.get(name)),
    freshness: shared.freshness,
    saysStatus: site?.cacheStatus === true,
  };
}

/** Milliseconds since the epoch; Infinity: for ever. @param what.created when it was stored. */
export function freshUntil(
  { freshness }: Mirror,
  at: Name,
  what: { rule: Ruled | undefined; kind: BucketKind | undefined; created: number },
): number {
  const { rule, kind, created } = what;
  if (rule?.immutable || kind === 'write-once') return Number.POSITIVE_INFINITY;
  return freshness.until(keyOf(at)) ?? created + (rule?.freshSeconds ?? 0) * 1000;
}
