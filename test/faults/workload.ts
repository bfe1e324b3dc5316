// What a store does in its life, a little of everything, written down call by call (record.c). Run as a
// program it is the work itself; imported it starts it. Before and after each operation it says so in a file,
// which is in the recording as everything else is.

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/store/content_store.ts';
import { makeFormat1 } from '../support/format_1.ts';
import { root as project } from '../support/runtime.ts';
import type { Mark } from './marks.ts';
import { damagedBytes, leaveLongJournal, leaveStrays, Work } from './work.ts';

const program = fileURLToPath(import.meta.url);

/** What is done to the disk in between is not the store's: no power goes then, and all of it is kept. */
export type Beside = { beside: 'begins' | 'ends' };

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

async function run(dir: string): Promise<void> {
  const root = join(dir, 'store');
  const tell = (said: Mark | Beside) => appendFileSync(join(dir, 'marks'), `${JSON.stringify(said)}\n`);
  const opened = async (work: (on: Work) => Promise<void>) => {
    const store = await openStore({ root });
    await work(new Work(store, tell));
    await store.close();
  };
  const beside = async (work: (root: string) => Promise<void>) => {
    tell({ beside: 'begins' });
    await work(root);
    tell({ beside: 'ends' });
  };
  await opened((work) => changes(work, `${dir}.tree`));
  await opened(async (work) => {
    await work.put('live/late', 'late');
    await work.remove('live/page');
  });
  await opened(supersede);
  await opened((work) => work.collect());
  await beside(leaveStrays);
  await opened((work) => work.scrub());
  await beside(makeFormat1);
  await opened((work) => work.put('live/upgraded', 'upgraded'));
  await beside(leaveLongJournal);
  await opened((work) => work.compact());
}

async function changes(work: Work, tree: string): Promise<void> {
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
  await work.import('files/', tree, { one: '1', two: '2'.repeat(9000), three: '3', four: 'first' });
}

/** Leaves work for a collection. */
async function supersede(work: Work): Promise<void> {
  await work.bucket('pages', 'versioned');
  await work.retain('pages', { versions: 0 });
  for (const number of [1, 2, 3]) await work.put('pages/page', `page ${number} of many`);
  await work.put('files/wrong', 'wrong');
  await work.remove('files/wrong');
  await work.putNameless('nameless');
  await work.forget('nameless');
  await work.put('live/damaged', damagedBytes);
  await work.switch('live', { one: '1', two: '2'.repeat(9000), upgraded: '1' });
}

const [, started, dir] = process.argv;
if (started === program && dir !== undefined) await run(dir);
