// An apt repository of packages that were uploaded: what its indexes and its Release file say
// (deb-src-control(5); https://wiki.debian.org/DebianRepository/Format).

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** A package in the pool. */
export interface Package {
  /** Below the root of the repository. */
  path: string;
  size: number;
  sha256: string;
  /** Its control file, without a line that is about the file itself. */
  control: string;
}

export interface Suite {
  suite: string;
  component: string;
  /** Undefined: those of the packages. */
  architectures: readonly string[] | undefined;
  origin: string | undefined;
  label: string | undefined;
  date: Date;
  /** Days after which clients take the suite for stale; undefined: never. */
  validDays: number | undefined;
}

/** Files below `dists/SUITE/`, by path. */
export type Indexes = Map<string, Buffer>;

/** Lines that an index adds to a control file. */
const ofFile = /^(?:Filename|Size|MD5sum|SHA1|SHA256|SHA512):/i;
const day = 86_400_000;
/** Where only packages for all architectures are in the pool. */
const usual = ['amd64', 'arm64'];
const needed = ['Package', 'Version', 'Architecture'] as const;

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export function fieldOf(control: string, name: string): string | undefined {
  const value = new RegExp(`^${name}:(.*)$`, 'im').exec(control)?.[1]?.trim();
  return value === '' ? undefined : value;
}

/** The control file as an index has it. Throws when it is none of a package. */
export function checkedControl(text: string, path: string): string {
  const control = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !ofFile.test(line))
    .join('\n');
  for (const name of needed)
    if (fieldOf(control, name) === undefined) throw new Error(`${path}: its control file has no ${name}`);
  const architecture = fieldOf(control, 'Architecture') ?? '';
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(architecture))
    throw new Error(`${path}: its control file names no architecture: ${architecture}`);
  return control;
}

/** The control files in an index, by the SHA-256 of the packages. */
export function controlsIn(index: string): Map<string, string> {
  const controls = new Map<string, string>();
  for (const stanza of index.split(/\n{2,}/)) {
    const digest = fieldOf(stanza, 'SHA256');
    if (digest !== undefined) controls.set(digest, stanza);
  }
  return controls;
}

/** The SHA-256 that a Release file lists. */
export function listedIn(release: string): Set<string> {
  return new Set([...release.matchAll(/^ ([0-9a-f]{64}) +\d+ \S+$/gm)].map(([, digest = '']) => digest));
}

/** Throws when two packages are the same version with other bytes. */
export function indexesOf(packages: readonly Package[], { component, architectures }: Suite): Indexes {
  const sorted = [...packages].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  for (const [at, each] of sorted.entries()) {
    const before = sorted[at - 1];
    if (before && key(before) === key(each) && before.sha256 !== each.sha256)
      throw new Error(`${before.path} and ${each.path} have other bytes, and are both ${key(each)}`);
  }
  const indexes: Indexes = new Map();
  for (const architecture of architectures ?? architecturesOf(packages)) {
    const its = sorted.filter(({ control }) => ['all', architecture].includes(archOf(control)));
    const text = Buffer.from(its.map(stanzaOf).join('\n'));
    const folder = `${component}/binary-${architecture}`;
    indexes.set(`${folder}/Packages`, text);
    indexes.set(`${folder}/Packages.gz`, gzipSync(text, { level: 9 }));
  }
  return indexes;
}

const archOf = (control: string) => fieldOf(control, 'Architecture') ?? '';
const key = ({ control }: Package) => needed.map((name) => fieldOf(control, name)).join(' ');

function architecturesOf(packages: readonly Package[]): string[] {
  const found = new Set(packages.map(({ control }) => archOf(control)));
  found.delete('all');
  return found.size > 0 ? [...found].sort() : usual;
}

function stanzaOf({ path, size, sha256, control }: Package): string {
  return `${control}\nFilename: ${path}\nSize: ${size}\nSHA256: ${sha256}\n`;
}

export function releaseOf(indexes: Indexes, suite: Suite): string {
  const folders = [...indexes.keys()].map((path) => /binary-([^/]+)\//.exec(path)?.[1] ?? '');
  const { validDays } = suite;
  const until = validDays === undefined ? undefined : new Date(suite.date.getTime() + validDays * day);
  const fields = {
    Origin: suite.origin,
    Label: suite.label,
    Suite: suite.suite,
    Codename: suite.suite,
    Date: suite.date.toUTCString().replace('GMT', 'UTC'),
    'Valid-Until': until?.toUTCString().replace('GMT', 'UTC'),
    Architectures: [...new Set(folders)].join(' '),
    Components: suite.component,
    'Acquire-By-Hash': 'yes',
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []));
  const files = [...indexes].map(([path, bytes]) => ` ${sha256(bytes)} ${bytes.length} ${path}`);
  return `${[...lines, 'SHA256:', ...files].join('\n')}\n`;
}
