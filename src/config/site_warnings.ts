// What is odd about sites and listeners in the configuration, and no fault: it may be meant so.

import { publicUrlOf } from '../public_urls.ts';
import type { Config } from './schema.ts';

/** A sentence for each, with the setting that it is about. */
export function siteWarnings(
  config: Pick<Config, 'sites' | 'listeners' | 'purge'> & Partial<Pick<Config, 'buckets'>>,
): string[] {
  const { sites = [], purge } = config;
  const isNowhere = sites.every((site) => publicUrlOf(site) === undefined);
  const others = [
    ...ofTls(config),
    ...ofProxies(config),
    ...ofPoints(config),
    ...ofMirrors(config),
    ...ofBuilds(config),
    ...ofRegistries(config),
    ...ofKinds(config),
  ];
  if (purge.hooks.length === 0 || !isNowhere) return others;
  const nothing =
    'purge.hooks: no site has a publicUrl, or a host that is no pattern, so there is no URL to purge';
  return [nothing, ...others];
}

function ofProxies({ listeners }: Pick<Config, 'listeners'>): string[] {
  if (listeners.some(({ proxyProtocol, path }) => !proxyProtocol && !path)) return [];
  return [
    'listeners: each has proxyProtocol or is a unix socket, so commands beside the server do not reach it, ' +
      'and it does not test itself; add one for them, such as http://127.0.0.1:8081',
  ];
}

// Each point leads its own encoders, and knows nothing of another's.
function ofPoints({ sites = [] }: Pick<Config, 'sites'>): string[] {
  const points = sites.filter(({ protocol }) => protocol === 'live');
  return overlapping(points).map(
    ({ both, names }) =>
      `sites ${both}: both publishing points write what begins with ${names}, where an encoder of one ` +
      'takes the names of the other; give each a prefix of its own',
  );
}

// What one has fetched is there for the other, whoever it came from.
function ofMirrors({ sites = [] }: Pick<Config, 'sites'>): string[] {
  const mirrors = sites.filter(({ protocol }) => protocol === 'mirror');
  const source = ({ upstreams, mirror }: Site) => JSON.stringify([upstreams, mirror?.kind ?? 'files']);
  return overlapping(mirrors)
    .filter(({ one, other }) => source(one) !== source(other))
    .map(
      ({ both, names }) =>
        `sites ${both}: both mirrors keep what begins with ${names}, so that one sends what the other has ` +
        'fetched of other upstreams; give each a prefix of its own',
    );
}

function ofBuilds({ sites = [] }: Pick<Config, 'sites'>): string[] {
  const isBounded = (bucket: Site['bucket']) =>
    sites.some((each) => each.bucket === bucket && each.bazel?.maxBytes !== undefined);
  return sites
    .filter(({ protocol, bucket }) => protocol === 'bazel' && !isBounded(bucket))
    .map(
      ({ host, path }) =>
        `site ${host}${path}: a build cache without bazel.maxBytes keeps what comes until the disk, or the ` +
        'quota of its bucket, is full, and evicts only then',
    );
}

/** Seconds that a push of large layers over a slow line may take. */
const longPush = 3600;

function ofRegistries({ sites = [] }: Pick<Config, 'sites'>): string[] {
  return sites.flatMap(({ host, path, registry }) =>
    registry && registry.graceSeconds < longPush
      ? [
          `site ${host}${path}: registry.graceSeconds: a push that takes longer than ` +
            `${registry.graceSeconds} s may lose layers before its manifest comes, and fails then; give it ` +
            'an hour (3600) or more',
        ]
      : [],
  );
}

const changing = {
  npm: 'a registry of packages needs a versioned bucket: lists of versions change',
  apt: 'a mirror of apt needs a versioned bucket: Release files change',
  pypi: 'a mirror of PyPI needs a versioned bucket: pages of projects change',
  maven: 'a mirror of Maven needs a versioned bucket: maven-metadata.xml changes',
  go: 'a mirror of Go modules needs a versioned bucket: lists of versions change',
  nix: 'a mirror of Nix needs a versioned bucket: .narinfo changes',
  files: undefined,
} as const;

/** What is wrong with a write-once bucket for a site; undefined: nothing. */
export function whyVersioned({ protocol, mirror }: Pick<Site, 'protocol' | 'mirror'>): string | undefined {
  switch (protocol) {
    case 'live':
      return 'a publishing point needs a versioned bucket: playlists change';
    case 'oci':
      return 'a registry needs a versioned bucket: tags are moved';
    case 'bazel':
      return 'a build cache needs a versioned bucket: results are replaced';
    case 'mirror':
      return changing[mirror?.kind ?? 'files'];
    default:
      return undefined;
  }
}

/** A sentence for each site whose bucket is not there, nor declared: with the command that makes it. */
export function withoutBucket(
  { sites = [], buckets }: Pick<Config, 'sites' | 'buckets'>,
  isThere: (bucket: string) => boolean,
): string[] {
  return sites.flatMap(({ host, path, bucket, ...site }) => {
    if (bucket === undefined || Object.hasOwn(buckets, bucket) || isThere(bucket)) return [];
    const kind = whyVersioned(site) === undefined ? '' : ' --kind versioned';
    const remedy = `'sealgate bucket create ${bucket}${kind}', or its declaration in "buckets", makes one`;
    return [`site ${host}${path}: there is no bucket ${bucket}, so it has nothing to serve; ${remedy}`];
  });
}

// The server itself warns of buckets that there are, whoever made them.
function ofKinds({ sites = [], buckets = {} }: Partial<Pick<Config, 'sites' | 'buckets'>>): string[] {
  return sites.flatMap(({ host, path, bucket = '', ...site }) => {
    const why = buckets[bucket] === 'write-once' ? whyVersioned(site) : undefined;
    return why === undefined
      ? []
      : [`site ${host}${path}: ${why}, and "buckets" says that ${bucket} is write-once`];
  });
}

type Site = NonNullable<Config['sites']>[number];

/** Pairs of sites of which one has names of the other in its bucket. */
function overlapping(sites: readonly Site[]) {
  const begin = ({ bucket = '', prefix = '' }: Site) => `${bucket}/${prefix}`;
  return sites.flatMap((one, at) =>
    sites.slice(at + 1).flatMap((other) => {
      const [names = '', long = ''] = [begin(one), begin(other)].sort((a, b) => a.length - b.length);
      const both = [one, other].map(({ host, path }) => host + path).join(' and ');
      return long.startsWith(names) ? [{ one, other, both, names }] : [];
    }),
  );
}

function ofTls({ sites = [], listeners }: Pick<Config, 'sites' | 'listeners'>): string[] {
  if (listeners.some(({ tls }) => tls)) return [];
  return sites.flatMap(({ host, path, security }) =>
    security?.hsts
      ? [
          `site ${host}${path}: security.hsts: browsers take it over TLS alone, and no listener here ` +
            'has TLS; it is of use only behind a proxy that has',
        ]
      : [],
  );
}
