// Work: what is done to a store, with a mark before and after each change.

import { writeFile } from 'node:fs/promises';
import { importDirectory, intoStore } from '../../src/store/import.ts';
import type { Retention } from '../../src/store/retention.ts';
import type { BucketKind, Store } from '../../src/store/store.ts';
import { passOf, startScrub } from '../support/scrubber.ts';
import { putBytes, sha256 } from '../support/store.ts';
import { writeTree } from '../support/tree.ts';
import type { Mark } from './marks.ts';

export class Work {
  readonly store: Store;
  readonly #say: (mark: Mark) => void;

  constructor(store: Store, say: (mark: Mark) => void) {
    this.store = store;
    this.#say = say;
  }

  async mark(name: string, value: string | null, work: () => Promise<unknown>): Promise<void> {
    this.#say({ begin: true, name, value });
    await work();
    this.#say({ begin: false, name, value });
  }

  bucket(name: string, kind: BucketKind): Promise<void> {
    return this.mark(name, name, () => this.store.createBucket(name, kind));
  }

  /** Older versions of its names are collected but for so many. */
  async retain(name: string, keep: Retention): Promise<void> {
    if (this.store.bucket(name)?.keep?.versions !== keep.versions) await this.store.retain(name, keep);
  }

  put(path: string, bytes: string): Promise<void> {
    const [bucket, name] = split(path);
    return this.mark(path, sha256(bytes), () => putBytes(this.store, bucket, name, bytes));
  }

  remove(path: string): Promise<void> {
    const [bucket, name] = split(path);
    return this.mark(path, null, () => this.store.deleteRef(bucket, name));
  }

  /** Bytes without a name. */
  async putNameless(bytes: string): Promise<void> {
    const staging = this.store.stagingPath();
    const digest = sha256(bytes);
    await writeFile(staging, bytes, { mode: 0o444 });
    await this.mark(`sha256:${digest}`, digest, () =>
      this.store.commitBlob(staging, { digest, size: Buffer.byteLength(bytes) }),
    );
  }

  forget(bytes: string): Promise<void> {
    return this.mark(`sha256:${sha256(bytes)}`, null, () => this.store.forget(sha256(bytes), 'a test'));
  }

  /** @param to bucket and prefix of the names: `live/`. */
  async import(to: string, tree: string, files: Record<string, string>): Promise<void> {
    await writeTree(tree, files);
    const [bucket, prefix] = split(to);
    let work: () => Promise<unknown> = () =>
      intoStore(this.store, bucket, async (destination) => {
        const { failures } = await importDirectory({ to: destination, directory: tree, prefix });
        if (failures.length > 0) throw new Error(JSON.stringify(failures));
      });
    for (const [name, bytes] of Object.entries(files)) {
      const inner = work;
      work = () => this.mark(to + name, sha256(bytes), inner);
    }
    await work();
  }

  async collect(): Promise<void> {
    const { failed } = await this.store.collect({ graceMs: 0 });
    if (failed.length > 0) throw new Error(JSON.stringify(failed));
  }

  async scrub(): Promise<void> {
    const scrub = await startScrub({ root: this.store.root, store: this.store });
    await passOf(scrub).finally(() => scrub.close());
    if (scrub.troubles.length > 0) throw new Error(scrub.troubles.join('\n'));
  }
}

function split(path: string): [bucket: string, name: string] {
  const [bucket = '', ...name] = path.split('/');
  return [bucket, name.join('/')];
}
