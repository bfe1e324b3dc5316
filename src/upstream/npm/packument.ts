// Packuments: the documents of npm that list the versions of a package. They come from strangers, so their
// size, depth and names have limits. All of this runs on threads for documents (workers/npm.ts).

import type { Digests } from '../../digest.ts';
import { isVersion, tarballName } from './names.ts';

/** Bytes of a packument as an upstream sends it. */
export const maxPackumentBytes = 64 * 1024 * 1024;
const maxVersions = 50_000;
const maxDepth = 100;

type Json = Record<string, unknown>;

/** What the tarball of a version must be, and where an upstream has it. */
export interface Dist {
  /** As the upstream says it; undefined: it says none. */
  url?: string | undefined;
  /** What clients compare, as the upstream says it. */
  integrity?: string | undefined;
  shasum?: string | undefined;
  /** The upstream does not list the version any more. */
  isGone?: boolean | undefined;
}

/** By the names of tarballs. */
export type Index = Record<string, Dist>;

export interface Packument extends Json {
  name: string;
  versions: Record<string, Json>;
  'dist-tags': Record<string, string>;
}

/** A document that is not used, with the reason. */
export class Refused extends Error {}

/** Throws Refused. */
export function parsedPackument(bytes: Uint8Array, name: string): Packument {
  if (bytes.length > maxPackumentBytes) throw new Refused(`it has more than ${maxPackumentBytes} bytes`);
  const value = parsedJson(bytes);
  if (!isObject(value)) throw new Refused('it is no JSON object');
  if (value.name !== name) throw new Refused(`it is not of the package ${name}`);
  const versions = value.versions ?? {};
  if (!isObject(versions)) throw new Refused('its versions are no object');
  const all = Object.entries(versions);
  if (all.length > maxVersions) throw new Refused(`it has more than ${maxVersions} versions`);
  for (const [version, manifest] of all)
    if (!isVersion(version) || !isObject(manifest)) throw new Refused('one of its versions is none');
  const tags = value['dist-tags'] ?? {};
  if (!isObject(tags) || Object.values(tags).some((tag) => typeof tag !== 'string'))
    throw new Refused('its dist-tags are none');
  return { ...value, name, versions, 'dist-tags': tags } as Packument;
}

/** Throws Refused. */
export function parsedJson(bytes: Uint8Array): unknown {
  checkDepth(bytes);
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    throw new Refused('it is no JSON');
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const [quote, backslash] = [0x22, 0x5c];
const [openings, closings] = [new Set([0x5b, 0x7b]), new Set([0x5d, 0x7d])];

// Before it is parsed: what nests deeply is written by recursion, here and in clients.
function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (isText) {
      if (byte === backslash) at++;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (openings.has(byte)) {
      if (++depth > maxDepth) throw new Refused(`it nests deeper than ${maxDepth}`);
    } else if (closings.has(byte)) depth--;
  }
}

/** What clients get of a packument, and what this server has to know of it. */
export interface Derived {
  full: Json;
  abbreviated: Json;
  index: Index;
  /** Versions that have other digests than before. */
  changed: string[];
}

/**
 * @param base URL that tarballs have here. @param before what was known: a version that was listed once keeps
 * its digests.
 */
export function derivedOf(packument: Packument, base: string, before: Index): Derived {
  const index: [string, Dist][] = [];
  const changed: string[] = [];
  const versions: [string, Json][] = [];
  for (const [version, manifest] of Object.entries(packument.versions)) {
    const file = tarballName(packument.name, version);
    const said = distOf(manifest.dist);
    const known = Object.hasOwn(before, file) ? before[file] : undefined;
    const isChanged = known !== undefined && differs(known, said);
    if (isChanged) changed.push(version);
    const dist = isChanged ? { ...said, integrity: known.integrity, shasum: known.shasum } : said;
    index.push([file, dist]);
    const { integrity, shasum } = dist;
    const shown = {
      ...(isObject(manifest.dist) && manifest.dist),
      tarball: `${base}${packument.name}/-/${file}`,
    };
    versions.push([version, { ...manifest, dist: { ...shown, integrity, shasum } }]);
  }
  const listed = Object.fromEntries(index);
  const gone = Object.entries(before).filter(([file]) => !Object.hasOwn(listed, file));
  const full = { ...packument, versions: Object.fromEntries(versions) };
  return {
    full,
    abbreviated: abbreviated(full, versions),
    index: { ...listed, ...Object.fromEntries(gone.slice(0, maxVersions).map(asGone)) },
    changed,
  };
}

function asGone([file, dist]: [string, Dist]): [string, Dist] {
  return [file, { ...dist, isGone: true }];
}

const text = (value: unknown) => (typeof value === 'string' && value.length <= 8192 ? value : undefined);

function distOf(dist: unknown): Dist {
  if (!isObject(dist)) return {};
  return { url: text(dist.tarball), integrity: text(dist.integrity), shasum: text(dist.shasum) };
}

function differs(known: Dist, said: Dist): boolean {
  const [one, other] = [digestsOf(known), digestsOf(said)];
  return (['sha512', 'sha256', 'sha1'] as const).some(
    (name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name],
  );
}

const hashBytes = { sha512: 64, sha256: 32, sha1: 20 } as const;
type HashName = keyof typeof hashBytes;

/** All digests in hex that a version says of its tarball and that can be compared. */
function digestsOf({ integrity = '', shasum = '' }: Dist): Partial<Record<HashName, string>> {
  const found: Partial<Record<HashName, string>> = {};
  if (/^[0-9a-f]{40}$/i.test(shasum)) found.sha1 = shasum.toLowerCase();
  for (const each of integrity.split(/\s+/)) {
    const [, name, value = ''] = /^(sha512|sha256|sha1)-([A-Za-z0-9+/]+={0,2})(?:\?.*)?$/.exec(each) ?? [];
    const hash = Buffer.from(value, 'base64');
    if (name !== undefined && hash.length === hashBytes[name as HashName])
      found[name as HashName] ??= hash.toString('hex');
  }
  return found;
}

/** The strongest digest of a tarball; undefined: nothing proves it. */
export function proofOf(
  dist: Dist,
): { sha256: string | undefined; digests: Digests | undefined } | undefined {
  const { sha512, sha256, sha1 } = digestsOf(dist);
  if (sha512 !== undefined) return { sha256: undefined, digests: { sha512 } };
  if (sha256 !== undefined) return { sha256, digests: undefined };
  return sha1 === undefined ? undefined : { sha256: undefined, digests: { sha1 } };
}

/** What npm needs to install (npm/registry, docs/responses/package-metadata.md). */
const abbreviatedFields = [
  ...['name', 'version', 'dependencies', 'optionalDependencies', 'devDependencies', 'bundleDependencies'],
  ...['bundledDependencies', 'peerDependencies', 'peerDependenciesMeta', 'acceptDependencies', 'bin'],
  ...['directories', 'dist', 'engines', 'os', 'cpu', 'libc', 'deprecated', '_hasShrinkwrap'],
  ...['hasInstallScript', 'funding'],
];

function abbreviated({ name, time, 'dist-tags': tags }: Json, versions: [string, Json][]): Json {
  const modified = isObject(time) ? text(time.modified) : undefined;
  return {
    name,
    ...(modified !== undefined && { modified }),
    'dist-tags': tags,
    versions: Object.fromEntries(versions.map(([version, manifest]) => [version, abbreviatedOf(manifest)])),
  };
}

function abbreviatedOf(manifest: Json): Json {
  const kept = abbreviatedFields.filter((field) => Object.hasOwn(manifest, field));
  const short = Object.fromEntries(kept.map((field) => [field, manifest[field]]));
  const { scripts } = manifest;
  const installs =
    isObject(scripts) && ['preinstall', 'install', 'postinstall'].some((each) => each in scripts);
  return installs ? { ...short, hasInstallScript: true } : short;
}
