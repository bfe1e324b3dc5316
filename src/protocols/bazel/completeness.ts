// Completeness: whether all that an action result names is in the cache, with the size it says, in its trees
// as well. Without that Bazel would take a result whose files it then cannot have.

import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { KeyedLock } from '../../keyed_lock.ts';
import type { Name } from '../../objects/objects.ts';
import { Remembered } from '../../remembered.ts';
import { DigestList } from '../../upstream/builds/digest_list.ts';
import {
  MessageError,
  type MessageKind,
  mostBytes,
  mostNamed,
  type Named,
  readMessage,
} from '../../upstream/builds/messages.ts';
import { blobNamed, type Cache } from './cache.ts';

export interface Complete {
  result: Named;
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

/** Bytes that are remembered of results and trees. */
const mostRemembered = 32 * 2 ** 20;
/** Bytes of an entry besides the digests in it, about. */
const entryBytes = 300;
/** Blobs that are looked for in one turn. */
const lookedATime = 500;
/** Large results that are worked at: each may take 40 MiB. */
const largeATime = 4;
/** Bytes that this thread reads by itself: some hundred files, in less than a millisecond. */
const mostReadHere = 64 * 1024;

/** A result that is to be looked at. */
interface Held {
  digest: string;
  size: number;
  file?: string;
}

export class Completeness {
  readonly #cache: Cache;
  readonly #turns = new KeyedLock();
  #large = 0;
  /** What they name, by their kinds and digests. */
  readonly #known = new Remembered<Named>(
    mostRemembered,
    ({ blobs, trees }) => blobs.bytes + trees.bytes + entryBytes,
  );

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /**
   * What is done with a result, from when it is read until what it names is not needed any more: a large one
   * waits for those before it, as it may hold the digests of half a million files.
   * @param file absent: it is stored, under its digest.
   */
  async inTurn<T>(result: Held, work: () => Promise<T>): Promise<T> {
    if (!(await this.#isLarge(result))) return work();
    this.#large++;
    return this.#turns.run(`${this.#large % largeATime}`, work);
  }

  async #isLarge({ digest, size, file }: Held): Promise<boolean> {
    if (size > mostReadHere) return true;
    const stored = () => this.#stored('result', digest, size);
    const { trees } = file === undefined ? await stored() : await this.#read('result', file, size);
    let bytes = 0;
    for (let i = 0; i < trees.length; i++) bytes += trees.at(i).size;
    return bytes > mostReadHere;
  }

  /** Of a result that is stored. Rejects with MessageError where its bytes are none. */
  async of({ digest, size }: { digest: string; size: number }): Promise<Complete | Missing> {
    return this.#ofResult(await this.#stored('result', digest, size));
  }

  /** Of a result in a file. Rejects with MessageError. */
  async ofFile(path: string, size: number): Promise<Complete | Missing> {
    return this.#ofResult(await this.#read('result', path, size));
  }

  /** Rejects with MessageError where a tree is none. */
  async #ofResult(result: Named): Promise<Complete | Missing> {
    const found: Complete = { result, trees: [], expires: Number.POSITIVE_INFINITY };
    let count = 0;
    const missing = await this.#look(result.blobs, found);
    if (missing) return missing;
    for (let i = 0; i < result.trees.length; i++) {
      const { hash, size } = result.trees.at(i);
      const files = await this.#tree(hash, size);
      const lost = files ? await this.#look(files, found) : { hash, size, found: undefined };
      if (lost) return lost;
      if (files) found.trees.push(files);
      count += files?.length ?? 0;
      if (count > mostNamed.tree)
        throw new MessageError(`Its folders have more than ${mostNamed.tree} files.`);
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
    try {
      return (await this.#stored('tree', hash, size)).blobs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #stored(kind: MessageKind, digest: string, size: number): Promise<Named> {
    const key = `${kind}/${digest}`;
    const known = this.#known.get(key);
    if (known) return known;
    const named = await this.#read(kind, this.#cache.services.objects.pathOf(digest), size);
    this.#known.set(key, named);
    return named;
  }

  async #read(kind: MessageKind, path: string, size: number): Promise<Named> {
    if (size > mostBytes[kind]) throw new MessageError(`It has more than ${mostBytes[kind]} bytes.`);
    if (size <= mostReadHere) return readMessage(kind, await readFile(path));
    const found = await this.#cache.documents.read('readNamed', { path, kind });
    if (found.fault !== undefined) throw new MessageError(found.fault);
    return { blobs: DigestList.from(found.blobs), trees: DigestList.from(found.trees) };
  }
}
