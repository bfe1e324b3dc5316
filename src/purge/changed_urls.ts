// Which URLs of which sites answer otherwise since a name changed.

import type { SiteConfig } from '../config/sites.ts';
import { publicUrlOf } from '../public_urls.ts';
import { encodedPath } from '../redirects.ts';
import type { ChangedName } from '../store/changed_names.ts';

export interface ChangedUrls {
  urls: string[];
  /** A page changed that answers for any path of a site: all of these hosts. */
  hosts: string[];
}

/** The hosts, with ports, by which caches know the sites. */
export function publicHosts(sites: readonly SiteConfig[]): string[] {
  return [
    ...new Set(sites.map(publicUrlOf).flatMap((url) => (url === undefined ? [] : [new URL(url).host]))),
  ];
}

export function changedUrls(sites: readonly SiteConfig[], changed: ChangedName): ChangedUrls {
  const found: ChangedUrls = { urls: [], hosts: [] };
  for (const site of sites) {
    const base = publicUrlOf(site);
    if (base === undefined) continue;
    const urls = site.protocol === 'objects' ? objectUrls(base, changed) : webUrls(base, site, changed);
    if (urls === 'any') found.hosts.push(new URL(base).host);
    else found.urls.push(...urls);
  }
  return { urls: [...new Set(found.urls)], hosts: [...new Set(found.hosts)] };
}

function objectUrls(base: string, { bucket, name }: ChangedName): string[] {
  if (bucket === '') return [`${base}sha256/${name}`];
  return spellings(name).map((path) => `${base}o/${bucket}/${path}`);
}

function webUrls(
  base: string,
  site: SiteConfig,
  { bucket, name: whole, version }: ChangedName,
): string[] | 'any' {
  const { prefix = '', index = 'index.html' } = site;
  if (bucket === '' || bucket !== site.bucket || !whole.startsWith(prefix)) return [];
  const name = whole.slice(prefix.length);
  const pages = [site.fallback, site.notFound, ...Object.values(site.errorPages ?? {})];
  if (pages.includes(name)) return 'any';
  const paths = [name];
  const folder = name.slice(0, name.lastIndexOf('/') + 1);
  if (name === folder + index) paths.push(folder);
  // The path without the slash is sent on where there is an index, and nothing where there is none.
  if (name === folder + index && folder !== '' && version === 1) paths.push(folder.slice(0, -1));
  if (site.listing === 'html' && name !== folder + index) paths.push(folder);
  // Files that builds leave beside what they code answer for it: x.js.br for x.js.
  const plain = /^(.+)\.(?:br|zst|gz)$/.exec(name)?.[1];
  if (plain !== undefined && site.compress) paths.push(plain);
  return paths.flatMap(spellings).map((path) => base + path);
}

/** As links of this server have it, and as browsers send what a page says plainly: `a@2x.png`. */
function spellings(path: string): string[] {
  const plain = encodeURI(path).replace(/[?#]/g, encodeURIComponent);
  return [...new Set([encodedPath(path), plain])];
}
