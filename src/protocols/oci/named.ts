// What the manifests of a repository name, read from their bytes and remembered: it never changes.

import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { hasCode } from '../../errors.ts';
import { setNewest } from '../../newest_map.ts';
import type { Objects } from '../../objects/objects.ts';
import { largestManifest } from './manifest.ts';
import { longestDigest } from './names.ts';

/** Manifests that are remembered, and the digests that one of them names at most. */
const mostRemembered = 5000;
const mostNames = 200;

interface Part {
  /** As `sha256:` and its digits. */
  digest: string;
  size: number;
}

/** What a manifest names. What kind an entry of an index has is said by nobody but the entry itself. */
export interface NamedThings {
  /** Config and layers of an image, and the entries of an index. */
  parts: readonly Part[];
  subject: string | undefined;
}

// No blob here has a longer digest, and those of any member are remembered.
const descriptor = z.object({ digest: z.string().max(longestDigest), size: z.number().catch(0) });
const parts = z.array(z.unknown()).catch([]);
const shape = z.object({
  config: z.unknown().optional(),
  layers: parts,
  manifests: parts,
  subject: z.unknown().optional(),
});

const nothing: NamedThings = { parts: [], subject: undefined };

/** Throws for what is no object: what a manifest keeps may not depend on how well it was understood. */
export function namedIn(bytes: Uint8Array): NamedThings {
  const { config, layers, manifests, subject } = shape.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const found = [config, ...layers, ...manifests].flatMap((each) => {
    const one = descriptor.safeParse(each);
    return one.success ? [one.data] : [];
  });
  const about = descriptor.safeParse(subject);
  return { parts: found, subject: about.success ? about.data.digest : undefined };
}

export class NamedByManifests {
  readonly #objects: Objects;
  readonly #known = new Map<string, NamedThings>();

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /** Rejects where the bytes cannot be read. Those that were forgotten name nothing. @param hex SHA-256. */
  async of(hex: string): Promise<NamedThings> {
    const known = this.#known.get(hex);
    if (known) return known;
    const named = await this.#read(hex);
    if (named === undefined) return nothing;
    if (named.parts.length <= mostNames) setNewest(this.#known, hex, named, mostRemembered);
    return named;
  }

  // Undefined: the bytes were forgotten. They may be pushed again.
  async #read(hex: string): Promise<NamedThings | undefined> {
    try {
      const { size } = await this.#objects.getBlob(hex).blob;
      if (size > largestManifest) return nothing;
      return namedIn(await readFile(this.#objects.pathOf(hex)));
    } catch (error) {
      if (hasCode(error, 'content-forgotten')) return undefined;
      throw error;
    }
  }
}
