// The digests of packages: what Packages and Sources files of an apt repository say of the files in its pool.

import { setNewest } from '../../newest_map.ts';
import type { Document } from './document.ts';
import { readLines, TooMuch } from './lines.ts';

export interface Looking {
  /** Tried in order. */
  indexes: Document[];
  /** Below the root of the repository. */
  name: string;
}

export interface Finding {
  /** Undefined: no index lists the file. */
  sha256: string | undefined;
  /** Why indexes could not be read that were looked at before. */
  unread: string[];
}

/** Bytes that an index unfolds to; Debian's largest has some 60 MB. */
const mostBytes = 2 ** 30;
/** Files of all indexes that are remembered, of some 200 bytes each. */
const mostRemembered = 1_000_000;

/** By the digest of an index and its format, the one that was used last at the end: SHA-256 by path. */
const remembered = new Map<string, Map<string, string>>();
let count = 0;
/** Indexes that have too much, by the same: they are not read once more for each file that is asked for. */
const refused = new Map<string, TooMuch>();
const mostRefused = 1000;

export async function findPackage({ indexes, name }: Looking): Promise<Finding> {
  const unread: string[] = [];
  // Lines are read as bytes.
  const bytes = Buffer.from(name).toString('latin1');
  for (const index of indexes) {
    try {
      const sha256 = (await digestsOf(index)).get(bytes);
      if (sha256 !== undefined) return { sha256, unread };
    } catch (error) {
      unread.push(`${index.path}: ${(error as Error).message}`);
    }
  }
  return { sha256: undefined, unread };
}

async function digestsOf(index: Document): Promise<Map<string, string>> {
  const key = index.digest + index.format;
  const why = refused.get(key);
  if (why) throw why;
  const known = remembered.get(key);
  const read =
    known ??
    (await readPackages(index).catch((error: unknown) => {
      if (error instanceof TooMuch) setNewest(refused, key, error, mostRefused);
      throw error;
    }));
  // Another one may have read it meanwhile.
  if (!remembered.delete(key)) count += read.size;
  remembered.set(key, read);
  for (const [oldest, digests] of remembered) {
    if (count <= mostRemembered || oldest === key) break;
    remembered.delete(oldest);
    count -= digests.size;
  }
  return read;
}

async function readPackages(index: Document): Promise<Map<string, string>> {
  const reader = new Reader();
  await readLines(index, mostBytes, (line) => reader.take(line));
  reader.take('');
  return reader.digests;
}

class Reader {
  readonly digests = new Map<string, string>();
  #file = '';
  #sha256 = '';
  #folder = '';
  /** Files of a source package, with their digests. */
  #listed: [name: string, sha256: string][] = [];
  #isListing = false;

  take(line: string): void {
    if (line.startsWith(' ')) {
      if (this.#isListing) this.#list(line);
      return;
    }
    this.#isListing = line.startsWith('Checksums-Sha256:');
    if (line.trimEnd() === '') this.#end();
    else if (line.startsWith('Filename:')) this.#file = line.slice(9).trim();
    else if (line.startsWith('SHA256:')) this.#sha256 = line.slice(7).trim();
    else if (line.startsWith('Directory:')) this.#folder = line.slice(10).trim();
  }

  #list(line: string): void {
    const [sha256 = '', , name = ''] = line.split(' ').filter((part) => part !== '');
    this.#listed.push([name, sha256]);
  }

  #end(): void {
    if (this.#file !== '') this.#add(this.#file, this.#sha256);
    for (const [name, sha256] of this.#listed) this.#add(`${this.#folder}/${name}`, sha256);
    this.#file = '';
    this.#sha256 = '';
    this.#folder = '';
    this.#listed = [];
  }

  #add(path: string, sha256: string): void {
    if (!/^[0-9a-f]{64}$/i.test(sha256)) return;
    if (this.digests.size >= mostRemembered) throw new TooMuch(`it lists more than ${mostRemembered} files`);
    this.digests.set(path.replace(/^(?:\.?\/)+/, ''), sha256.toLowerCase());
  }
}
