// Work: what is done to a store, with a mark before and after each change.

import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { importDirectory } from '../../src/store/import.ts';
import type { Retention } from '../../src/store/retention.ts';
import type { BucketKind, Store } from '../../src/store/store.ts';
import { intoStore } from '../../src/store/store_destination.ts';
import { lengthenJournal } from '../support/long_journal.ts';
import { passOf, startScrub } from '../support/scrubber.ts';
import { blobPath, putBytes, sha256 } from '../support/store.ts';
import { writeTree } from '../support/tree.ts';
import { until } from '../support/wait.ts';
import type { Mark } from './marks.ts';

/** Of a blob that is damaged before a scrub. */
export const damagedBytes = 'damaged later';
export const damaged: ReadonlySet<string> = new Set([sha256(damagedBytes)]);

/**
 * Leaves work for a scrub in a store that nobody has open: files that no record names, of which one is right
 * and one is not what its name says, and a damaged blob.
 */
export async function leaveStrays(root: string): Promise<void> {
  for (const [named, bytes] of [
    ['orphan', 'orphan'],
    ['misplaced', 'other bytes'],
  ] as const) {
    const path = blobPath(root, sha256(named));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes, { mode: 0o444 });
  }
  await writeFile(blobPath(root, sha256(damagedBytes)), damagedBytes.toUpperCase(), { flag: 'r+' });
}

/** Leaves a journal, of a store that nobody has open, that is written anew after the next opening. */
export function leaveLongJournal(root: string): Promise<void> {
  return lengthenJournal(root, 9 * 1024 * 1024);
}

export class Work {
  readonly store: Store;
  readonly #say: (mark: Mark) => void;

  constructor(store: Store, say: (mark: Mark) => void) {
    this.store = store;
    this.#say = say;
  }

  async mark(
    name: string,
    value: string | null,
    work: () => Promise<unknown>,
    together?: string,
  ): Promise<void> {
    const said = { name, value, ...(together !== undefined && { together }) };
    this.#say({ begin: true, ...said });
    await work();
    this.#say({ begin: false, ...said });
  }

  bucket(name: string, kind: BucketKind): Promise<void> {
    return this.mark(name, name, () => this.store.createBucket(name, kind));
  }

  /** Older versions of its names are collected but for so many. */
  async retain(name: string, keep: Retention): Promise<void> {
    if (this.store.bucket(name)?.keep?.versions !== keep.versions)
      await this.store.setBucket(name, { keep: keep });
  }

  /** Resolves once the time to live of a name is over. */
  ended(path: string): Promise<void> {
    const [bucket, name] = split(path);
    const hasEnded = () => this.store.resolve(bucket, name)?.deleted === true;
    return this.mark(path, null, () => until(hasEnded, Boolean, `${path} ends`));
  }

  put(path: string, bytes: string): Promise<void> {
    const [bucket, name] = split(path);
    return this.mark(path, sha256(bytes), () => putBytes(this.store, bucket, name, bytes));
  }

  /** These names of a bucket at once; each has bytes that are stored. */
  async switch(bucket: string, files: Record<string, string>): Promise<void> {
    const changes = Object.entries(files).map(([name, bytes]) => ({ name, to: { digest: sha256(bytes) } }));
    const work = () => this.store.switchNames(bucket, changes);
    await this.#markAll(`${bucket}/`, files, work, Object.keys(files).join());
  }

  // One after another begins, and ends.
  async #markAll(
    to: string,
    files: Record<string, string>,
    work: () => Promise<unknown>,
    together?: string,
  ): Promise<void> {
    let all = work;
    for (const [name, bytes] of Object.entries(files)) {
      const inner = all;
      all = () => this.mark(to + name, sha256(bytes), inner, together);
    }
    await all();
  }

  remove(path: string): Promise<void> {
    const [bucket, name] = split(path);
    return this.mark(path, null, () => this.store.deleteRef(bucket, name));
  }

  /** Bytes without a name. */
  async putNameless(bytes: string): Promise<void> {
    const staging = this.store.stagingPath();
    const digest = sha256(bytes);
    const file = await open(staging, 'wx', 0o444);
    await file.writeFile(bytes);
    await file.sync().finally(() => file.close());
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
    await this.#markAll(to, files, () =>
      intoStore(this.store, bucket, async (destination) => {
        const { failures } = await importDirectory({ to: destination, directory: tree, prefix });
        if (failures.length > 0) throw new Error(JSON.stringify(failures));
      }),
    );
  }

  async collect(): Promise<void> {
    const { failed } = await this.store.collect({ graceMs: 0 });
    if (failed.length > 0) throw new Error(JSON.stringify(failed));
  }

  /** Writes beside the compaction of the journal, which began when the store was opened. */
  async compact(): Promise<void> {
    await this.put('live/page', 'written beside a compaction');
    const ends = ['journal_compactions.done', 'journal_compactions.failed'];
    const over = () => ends.some((end) => this.store.counters()[end] !== 0);
    await until(over, (isOver) => isOver, 'the end of the compaction');
    await this.put('live/copy', 'written behind a compaction');
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
