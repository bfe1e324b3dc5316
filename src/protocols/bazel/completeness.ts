// Completeness: whether all that an action result names is in the cache, with the size it says, in its trees
// as well. Without that Bazel would take a result whose files it then cannot have.

import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Name } from '../../objects/objects.ts';
import { blobNamed, type Cache } from './cache.ts';
import type { DigestList } from './digest_list.ts';
import { type ActionResult, MessageError, mostBytes, readActionResult, readTree } from './messages.ts';
import { Remembered } from './remembered.ts';

export interface Complete {
  result: ActionResult;
  trees: DigestList[];
  /** When the first of its blobs ends, milliseconds since the epoch; Infinity: none does. */
  expires: number;
}

/** A blob that is not there as a result says. */
export interface Missing {
  hash: string;
  /** Bytes, as the result says. */
  size: number;
  /** Bytes of what is there; undefined: it is not. */
  found: number | undefined;
}

/** Bytes that are remembered of results, and of trees. */
const mostRemembered = 16 * 2 ** 20;
/** Bytes of an entry besides the digests in it, about. */
const entryBytes = 300;
/** Blobs that are looked for in one turn. */
const lookedATime = 500;

export class Completeness {
  readonly #cache: Cache;
  // What they name, by their digests.
  readonly #results = new Remembered<ActionResult>(
    mostRemembered,
    ({ blobs, trees }) => blobs.bytes + trees.bytes + entryBytes,
  );
  readonly #trees = new Remembered<DigestList>(mostRemembered, ({ bytes }) => bytes + entryBytes);

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** Of a result that is stored. Rejects with MessageError where its bytes are none. */
  async of(digest: string): Promise<Complete | Missing> {
    const known = this.#results.get(digest);
    const result = known ?? readActionResult(await this.#read(digest));
    if (!known) this.#results.set(digest, result);
    return this.ofResult(result);
  }

  /** Rejects with MessageError where a tree is none. */
  async ofResult(result: ActionResult): Promise<Complete | Missing> {
    const found: Complete = { result, trees: [], expires: Number.POSITIVE_INFINITY };
    const missing = await this.#look(result.blobs, found);
    if (missing) return missing;
    for (let i = 0; i < result.trees.length; i++) {
      const { hash, size } = result.trees.at(i);
      const files = await this.#tree(hash, size);
      const lost = files ? await this.#look(files, found) : { hash, size, found: undefined };
      if (lost) return lost;
      if (files) found.trees.push(files);
    }
    return found;
  }

  /** The names of all that a result takes. */
  *names({ result, trees }: Pick<Complete, 'result' | 'trees'>): Generator<Name> {
    for (const list of [result.blobs, ...trees])
      for (let i = 0; i < list.length; i++) {
        const { hash, size } = list.at(i);
        if (size > 0) yield blobNamed(this.#cache, hash);
      }
  }

  async #look(list: DigestList, found: Complete): Promise<Missing | undefined> {
    const { objects } = this.#cache.services;
    for (let i = 0; i < list.length; i++) {
      if (i % lookedATime === lookedATime - 1) await setImmediate();
      const { hash, size } = list.at(i);
      // The empty blob is always there.
      if (size === 0) continue;
      const ref = objects.present(blobNamed(this.#cache, hash));
      const isIt = ref?.digest === hash;
      if (!isIt || ref.size !== size) return { hash, size, found: isIt ? ref.size : undefined };
      found.expires = Math.min(found.expires, ref.expires ?? Number.POSITIVE_INFINITY);
    }
    return undefined;
  }

  /** Undefined: its file is not there any more. */
  async #tree(hash: string, size: number): Promise<DigestList | undefined> {
    const known = this.#trees.get(hash);
    if (known) return known;
    if (size > mostBytes.tree) throw new MessageError(`A tree has up to ${mostBytes.tree} bytes.`);
    try {
      const files = readTree(await this.#read(hash));
      this.#trees.set(hash, files);
      return files;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #read(digest: string): Promise<Buffer> {
    return readFile(this.#cache.services.objects.pathOf(digest));
  }
}
