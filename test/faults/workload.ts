// What a store does in its life, a little of everything, written down call by call (record.c). Run as a
// program it is the work itself; imported it starts it. Before and after each operation it says so in a file,
// which is in the recording as everything else is.

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/store/content_store.ts';
import { importDirectory, intoStore } from '../../src/store/import.ts';
import type { Store } from '../../src/store/store.ts';
import { root as project } from '../support/runtime.ts';
import { putBytes, sha256 } from '../support/store.ts';
import { writeTree } from '../support/tree.ts';

const program = fileURLToPath(import.meta.url);

/** What a name is to hold: a digest; null once it is deleted. A bucket holds what its name is. */
export interface Mark {
  begin: boolean;
  name: string;
  value: string | null;
}

/**
 * Records the work, below `dir`; the store is in `store`, the marks are in `marks`. By Node on each runtime:
 * Bun's own file functions do not call libc.
 */
export async function recordWork(dir: string): Promise<Buffer> {
  const [shim, recording] = [`${dir}.so`, `${dir}.recording`];
  execFileSync('cc', ['-shared', '-fPIC', '-O1', join(project, 'test/faults/record.c'), '-o', shim, '-ldl']);
  mkdirSync(dir);
  const env = { ...process.env, LD_PRELOAD: shim, RECORD_TO: recording, RECORD_BELOW: dir };
  execFileSync('node', ['--import', import.meta.resolve('tsx'), program, dir], { env, cwd: project });
  return readFile(recording);
}

class Work {
  readonly #dir: string;
  readonly #store: Store;

  constructor(dir: string, store: Store) {
    this.#dir = dir;
    this.#store = store;
  }

  async mark(name: string, value: string | null, work: () => Promise<unknown>): Promise<void> {
    const say = (begin: boolean) =>
      appendFileSync(join(this.#dir, 'marks'), `${JSON.stringify({ begin, name, value } satisfies Mark)}\n`);
    say(true);
    await work();
    say(false);
  }

  bucket(name: string, kind: 'write-once' | 'versioned'): Promise<void> {
    return this.mark(name, name, () => this.#store.createBucket(name, kind));
  }

  put(path: string, bytes: string): Promise<void> {
    const [bucket = '', name = ''] = path.split('/');
    return this.mark(path, sha256(bytes), () => putBytes(this.#store, bucket, name, bytes));
  }

  remove(path: string): Promise<void> {
    const [bucket = '', name = ''] = path.split('/');
    return this.mark(path, null, () => this.#store.deleteRef(bucket, name));
  }

  async import(tree: string, files: Record<string, string>): Promise<void> {
    await writeTree(tree, files);
    let work: () => Promise<unknown> = () =>
      intoStore(this.#store, 'files', (to) => importDirectory({ to, directory: tree, prefix: '' }));
    for (const [name, bytes] of Object.entries(files)) {
      const inner = work;
      work = () => this.mark(`files/${name}`, sha256(bytes), inner);
    }
    await work();
  }
}

async function run(dir: string): Promise<void> {
  const root = join(dir, 'store');
  let store = await openStore({ root });
  let work = new Work(dir, store);
  await work.bucket('files', 'write-once');
  await work.bucket('live', 'versioned');
  await work.put('files/first', 'first');
  await work.put('live/page', 'page 1');
  const sizes = [0, 1, 5000, 70_000];
  await Promise.all(sizes.map((size) => work.put(`files/${size}`, 'x'.repeat(size))));
  await work.put('files/again', 'first');
  await work.put('live/page', 'page 2');
  await work.remove('live/page');
  await work.put('live/page', 'page 3');
  await work.remove('files/first');
  await work.import(`${dir}.tree`, { one: '1', two: '2'.repeat(9000), three: '3', four: 'first' });
  await store.close();
  store = await openStore({ root });
  work = new Work(dir, store);
  await work.put('live/late', 'late');
  await work.remove('live/page');
  await store.close();
}

const [, started, dir] = process.argv;
if (started === program && dir !== undefined) await run(dir);
