// Names of a registry: repositories, tags and digests as clients send them, and the objects of the bucket
// that they are. No component of a repository begins with an underscore, so what belongs to the repository
// `a` is never taken for something of a repository `a/b`.

import { type Digests, isDigest, isDigestOf } from '../../digest.ts';
import { RegistryError } from './errors.ts';

/** Characters of a repository's name, as other registries take. */
const longestRepository = 255;
/** Characters of a digest that is known here. */
export const longestDigest = 'sha512:'.length + 128;
const component = /^[a-z0-9]+(?:(?:\.|__|_|-+)[a-z0-9]+)*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** A digest of the specification, as `sha256:` and 64 hexadecimal digits. */
export interface ContentDigest {
  algorithm: 'sha256' | 'sha512';
  hex: string;
}

export function isRepository(name: string): boolean {
  return name.length <= longestRepository && name.split('/').every((each) => component.test(each));
}

/** Throws NAME_INVALID. */
export function checkRepository(name: string): void {
  if (isRepository(name)) return;
  throw new RegistryError(
    400,
    'NAME_INVALID',
    `A repository has up to ${longestRepository} lower-case letters and digits, and . _ - / between them.`,
  );
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Undefined: it is none that is known here. What is longer than any is not looked at. */
export function parsedDigest(text: string): ContentDigest | undefined {
  if (text.length > longestDigest) return undefined;
  const [algorithm, hex = '', ...more] = text.split(':');
  if (more.length > 0) return undefined;
  if (algorithm === 'sha256' && isDigest(hex)) return { algorithm, hex };
  if (algorithm === 'sha512' && isDigestOf('sha512', hex)) return { algorithm, hex };
  return undefined;
}

/** Throws DIGEST_INVALID. */
export function digestIn(text: string): ContentDigest {
  const digest = parsedDigest(text);
  if (digest) return digest;
  throw new RegistryError(
    400,
    'DIGEST_INVALID',
    'Expected sha256: and 64 hexadecimal digits in lower case, or sha512: and 128.',
  );
}

export function written({ algorithm, hex }: ContentDigest): string {
  return `${algorithm}:${hex}`;
}

/** What bytes must have that are said to have this digest. */
export function promiseOf({ algorithm, hex }: ContentDigest): { digest?: string; digests?: Digests } {
  return algorithm === 'sha256' ? { digest: hex } : { digests: { sha512: hex } };
}

/** Objects of one repository. @param prefix what names in the bucket begin with. */
export class RepositoryNames {
  readonly #own: string;

  constructor(prefix: string, repository: string) {
    this.#own = `${prefix}${repository}/_`;
  }

  /** What the names of all its objects begin with, and of no other repository's. */
  get all(): string {
    return this.#own;
  }

  get tags(): string {
    return `${this.#own}tags/`;
  }

  tag(tag: string): string {
    return this.tags + tag;
  }

  blob({ algorithm, hex }: ContentDigest): string {
    return `${this.#own}blobs/${algorithm}/${hex}`;
  }

  get blobs(): string {
    return `${this.#own}blobs/`;
  }

  /** By their SHA-256: each has one, whatever further digest it was pushed by. */
  get manifests(): string {
    return `${this.#own}manifests/sha256/`;
  }

  manifest({ algorithm, hex }: ContentDigest): string {
    return `${this.#own}manifests/${algorithm}/${hex}`;
  }

  /** Manifests that name this one as their subject. */
  referrers({ algorithm, hex }: ContentDigest): string {
    return `${this.#own}referrers/${algorithm}/${hex}/`;
  }

  /** @param hex SHA-256 of the manifest that refers. */
  referrer(subject: ContentDigest, hex: string): string {
    return this.referrers(subject) + hex;
  }

  /** What an upload is for until its last request says its digest. */
  get upload(): string {
    return `${this.#own}uploads/blob`;
  }
}
