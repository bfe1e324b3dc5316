// The Release file of a suite of an apt repository: which indexes belong together, with their digests. It may
// stand within a signature, as InRelease does; whether that is right is for clients, who have the key.

import type { Document } from './document.ts';
import { readLines } from './lines.ts';

/** An index that a Release file lists. */
export interface Listed {
  /** Below the folder of the Release file. */
  path: string;
  size: number;
  sha256: string;
  sha512?: string;
  md5?: string;
}

export type ReleaseDocument = Omit<Document, 'format'>;

export interface Release {
  /** Milliseconds since the epoch; 0: it says none. */
  date: number;
  /** Whether indexes are to be had by their digests. */
  byHash: boolean;
  files: Listed[];
}

/** Bytes. Debian's has some 200 KB. */
const mostBytes = 32 * 2 ** 20;
const mostFiles = 50_000;
const mostPath = 512;

const hashes = { MD5Sum: ['md5', 32], SHA256: ['sha256', 64], SHA512: ['sha512', 128] } as const;
type Hash = (typeof hashes)[keyof typeof hashes];

/** Rejects when it is no Release file with SHA-256. */
export async function readRelease({ path, digest }: ReleaseDocument): Promise<Release> {
  const found = new Reader();
  await readLines({ path, digest, format: '' }, mostBytes, (line) => found.take(line));
  return found.release();
}

class Reader {
  readonly #files = new Map<string, Partial<Record<Hash[0], string>> & { size: number }>();
  readonly #fields = new Map<string, string>();
  #hash: Hash | undefined;
  /** Within a clear-signed text: before it, in it, behind it (RFC 9580 7). */
  #signed: 'no' | 'head' | 'text' | 'end' = 'no';

  take(sent: string): void {
    const line = sent.trimEnd();
    if (this.#signed === 'end') return;
    if (line === '-----BEGIN PGP SIGNED MESSAGE-----') this.#signed = 'head';
    else if (line === '-----BEGIN PGP SIGNATURE-----') this.#signed = 'end';
    else if (this.#signed !== 'head') this.#field(line.startsWith('- ') ? line.slice(2) : line);
    else if (line === '') this.#signed = 'text';
  }

  #field(line: string): void {
    if (line.startsWith(' ')) {
      if (this.#hash) this.#file(line, this.#hash);
      return;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    this.#hash = Object.hasOwn(hashes, name) ? hashes[name as keyof typeof hashes] : undefined;
    if (colon > 0 && this.#fields.size < 100) this.#fields.set(name, line.slice(colon + 1).trim());
  }

  #file(line: string, [hash, length]: Hash): void {
    const [hex = '', size = '', path = ''] = line.split(' ').filter((part) => part !== '');
    if (hex.length !== length || !/^[0-9a-f]+$/i.test(hex) || !/^\d{1,15}$/.test(size) || !isPath(path))
      throw new Error(`it lists what is no file: ${line.slice(0, 200)}`);
    const known = this.#files.get(path);
    if (!known && this.#files.size >= mostFiles) throw new Error(`it lists more than ${mostFiles} files`);
    if (known && known.size !== Number(size)) throw new Error(`it lists two sizes of ${path}`);
    this.#files.set(path, { ...known, size: Number(size), [hash]: hex.toLowerCase() });
  }

  release(): Release {
    const files = [...this.#files].flatMap(([path, { sha256, ...more }]): Listed[] =>
      sha256 === undefined ? [] : [{ path, sha256, ...more }],
    );
    const date = Date.parse(this.#fields.get('Date') ?? '');
    if (files.length === 0 && !this.#fields.has('SHA256'))
      throw new Error('it is no Release file that lists SHA-256 digests');
    return {
      date: Number.isNaN(date) ? 0 : date,
      byHash: this.#fields.get('Acquire-By-Hash')?.toLowerCase() === 'yes',
      files,
    };
  }
}

function isPath(path: string): boolean {
  return (
    path.length <= mostPath &&
    /^[!-~]+$/.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
