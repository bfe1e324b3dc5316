// Which names of the bucket a manifest is for. Of HLS those that are like one it lists, whatever their
// numbers: the next segments are not in it yet. Of DASH all below its folder.

import type { Manifest } from './manifest.ts';
import { type Point, pointName } from './point.ts';

type Place = Pick<Point, 'path' | 'prefix'>;

/** Names with different words that one playlist lists. Where each has a name of its own, none comes again. */
const mostWords = 4096;

/** @param path of the manifest, as it was sent. @param name its name in the bucket. */
export function coveredBy(point: Place, path: string, name: string, manifest: Manifest) {
  if (manifest.format === 'dash') {
    const folder = name.slice(0, name.lastIndexOf('/') + 1);
    return (each: string) => each.startsWith(folder);
  }
  const byWords = new Map<string, string>();
  for (const uri of [...manifest.maps, ...manifest.names]) {
    if (byWords.size === mostWords) break;
    byWords.set(wordsOf(uri), uri);
  }
  const words = new Set(namesIn(point, path, byWords.values()).map(wordsOf));
  return (each: string) => words.has(wordsOf(each));
}

/** Which names it has for sure. */
export function listedIn(point: Place, path: string, manifest: Manifest) {
  if (manifest.format === 'dash') return () => true;
  const names = new Set(namesIn(point, path, [...manifest.maps, ...manifest.names]));
  return (each: string) => names.has(each);
}

/** @param path of the manifest. @param uris as it has them; those that name nothing here are left out. */
export function namesIn(point: Place, path: string, uris: Iterable<string>): string[] {
  const base = new URL(path, 'http://point.invalid');
  return [...uris].flatMap((uri) => nameIn(point, base, uri) ?? []);
}

function nameIn(point: Place, base: URL, uri: string): string | undefined {
  try {
    const { pathname } = new URL(uri, base);
    return pathname.startsWith(point.path) ? pointName(point, pathname) : undefined;
  } catch {
    // What is no URL, or names nothing here, is the player's business.
    return undefined;
  }
}

function wordsOf(name: string): string {
  return name.replaceAll(/\d+/g, '0');
}
