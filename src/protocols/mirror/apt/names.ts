// What names mean in an apt repository.

import type { Digests } from '../../../digest.ts';
import type { Listed } from '../../../upstream/documents/apt_release.ts';
import { type Document, formats } from '../../../upstream/documents/document.ts';
import type { Ruled } from '../mirror.ts';

/** Seconds for which they are fresh: each update of a client begins with them. */
const releaseSeconds = 30;
export const releaseRule: Ruled = { immutable: false, freshSeconds: releaseSeconds, sha256: undefined };

const releaseFiles = ['InRelease', 'Release', 'Release.gpg'] as const;
export type ReleaseFile = (typeof releaseFiles)[number];

/** A text that is put before a name has a slash at its end, or is empty. */
export function under(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function split(name: string): [folder: string, last: string] {
  const slash = name.lastIndexOf('/');
  return [name.slice(0, Math.max(slash, 0)), name.slice(slash + 1)];
}

/** Undefined: it is none, or one of a single index. `root`: the folder that its indexes are below. */
export function releaseFileOf(name: string): { root: string; file: ReleaseFile } | undefined {
  const [root, last] = split(name);
  const file = releaseFiles.find((each) => each === last);
  return file === undefined || /(?:^|\/)(?:binary-[^/]+|source)$/.test(root) ? undefined : { root, file };
}

/** The folders above a name, the nearest first. */
export function foldersAbove(name: string): string[] {
  const folders: string[] = [];
  for (let [folder] = split(name); ; [folder] = split(folder)) {
    folders.push(folder);
    if (folder === '') return folders;
  }
}

/** By their names in paths. */
const hashes = {
  SHA256: 'sha256',
  SHA512: 'sha512',
  SHA1: 'sha1',
  MD5Sum: 'md5',
} as const satisfies Record<string, keyof Digests | 'sha256'>;
const lengths = { sha256: 64, sha512: 128, sha1: 40, md5: 32 };

/** An index by its digest: `folder/by-hash/SHA256/hex`. */
export interface ByHash {
  folder: string;
  hash: (typeof hashes)[keyof typeof hashes];
  hex: string;
}

export function byHashOf(name: string): ByHash | undefined {
  const [, folder = '', named = '', hex = ''] =
    /^(?:(.+)\/)?by-hash\/(SHA256|SHA512|SHA1|MD5Sum)\/([0-9a-f]{32,128})$/.exec(name) ?? [];
  const hash = hashes[named as keyof typeof hashes];
  return hash !== undefined && hex.length === lengths[hash] ? { folder, hash, hex } : undefined;
}

/** The rule of an index that nothing but its own name is known of. */
export function ruleOfByHash({ hash, hex }: ByHash): Ruled {
  return hash === 'sha256'
    ? { immutable: true, sha256: hex }
    : { immutable: true, sha256: undefined, digests: { [hash]: hex } };
}

export function ruleOf({ sha256, sha512, md5 }: Listed): Ruled {
  const digests = { ...(sha512 !== undefined && { sha512 }), ...(md5 !== undefined && { md5 }) };
  return { immutable: true, sha256, digests };
}

/** The name of an index that says which bytes it has: by the digest that apt asks for, the strongest. */
export function lastingName(root: string, { path, sha256, sha512 }: Listed): string {
  const [folder] = split(path);
  const last = sha512 === undefined ? `SHA256/${sha256}` : `SHA512/${sha512}`;
  return under(root, under(folder, `by-hash/${last}`));
}

/** Where the names begin that indexes of a Release file list. */
export function baseOf(root: string): string {
  const [, base] = /^(?:(.*)\/)?dists\//.exec(`${root}/`) ?? [];
  return root.startsWith('dists/') || root.includes('/dists/') ? (base ?? '') : root;
}

/** An index of packages: what its name ends with, and what that says; undefined: it is none. */
export function packagesIndex(path: string): { format: Document['format'] | undefined } | undefined {
  const [all, ending = ''] = /(?:^|\/)(?:Packages|Sources)(\.[a-z0-9]+)?$/.exec(path) ?? [];
  return all === undefined ? undefined : { format: formats.find((each) => each === ending) };
}

/** Those that are read in less time come first. */
const preferred: readonly Document['format'][] = ['.gz', '.xz', '', '.zst'];

/**
 * The indexes of packages that may list a file, by its component and its architecture; of each the form that
 * is read best.
 * @param below the name of the file below the base of the archive.
 */
export function indexesFor(below: string, listed: Iterable<Listed>, most: number): Listed[] {
  const [, architecture] = /_([a-z0-9-]+)\.(?:u|d)?deb$/.exec(below) ?? [];
  const best = new Map<string, { listed: Listed; rank: number }>();
  for (const each of listed) {
    const { format } = packagesIndex(each.path) ?? {};
    const [folder] = split(each.path);
    const own = architecture === undefined ? 'source' : `binary-${architecture}`;
    const isForIt =
      folder === '' || folder.endsWith(own) || (architecture === 'all' && /binary-/.test(folder));
    if (format === undefined || !isForIt) continue;
    const rank = preferred.indexOf(format);
    if (rank < (best.get(folder)?.rank ?? preferred.length)) best.set(folder, { listed: each, rank });
  }
  const all = [...best.values()].map(({ listed: index }) => index);
  const ofComponent = all.filter(({ path }) => below.startsWith(`pool/${path.split('/')[0]}/`));
  return (ofComponent.length > 0 ? ofComponent : all).slice(0, most);
}

/** Whether the same name never has other bytes, by the policy of repositories. */
export function isLasting(name: string): boolean {
  return (
    /\.(?:u|d)?deb$|\.(?:dsc|changes|buildinfo|asc)$|\.(?:tar|diff)\.(?:gz|xz|bz2|zst|lzma)$/.test(name) ||
    /\.diff\/(?!Index$)[^/]+$/.test(name)
  );
}
