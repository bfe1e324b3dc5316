// Operations: what a program does to a store when it is killed, and what the store is like before.

import { setImmediate } from 'node:timers/promises';
import { openStore } from '../../src/store/content_store.ts';
import type { Mark } from '../faults/marks.ts';
import { damagedBytes, leaveLongJournal, leaveStrays, Work } from '../faults/work.ts';
import { makeFormat1 } from '../support/format_1.ts';
import { seeded } from '../support/random.ts';

type Say = (mark: Mark) => void;

/** Longer than a page, so that a kill can meet a write in its middle. */
const long = (text: string) => `${text} `.repeat(5000);

interface Operation {
  /** Done to a store that nobody has open. @param say is told what the store holds then. */
  before?(root: string, say: Say): Promise<void>;
  /** Nothing: opening the store is the operation. */
  run?(work: Work, dir: string): Promise<void>;
}

/** Each ends; a kill meets it anywhere, the opening and the closing of the store included. */
export const operations: Record<string, Operation> = {
  'put of a new name': { run: (work) => work.put('files/new', long('new')) },
  'six puts at once': {
    run: async (work) => {
      await Promise.all(Array.from({ length: 6 }, (_, i) => work.put(`files/new ${i}`, long(`new ${i}`))));
    },
  },
  overwrite: { run: (work) => work.put('live/page', long('page 3')) },
  'put of bytes that are there': { run: (work) => work.put('live/copy', long('page 2')) },
  'switch of three names': {
    run: (work) => work.switch('live', { page: 'page of 2', copy: long('page 1'), new: 'page of 2' }),
  },
  deletion: { run: (work) => work.remove('live/page') },
  import: {
    run: (work, dir) =>
      work.import('live/imported/', `${dir}.tree`, { one: '1', two: long('2'), three: long('page 2') }),
  },
  collection: { before: letNamesExpire, run: (work) => work.collect() },
  scrub: { before: leaveStrays, run: (work) => work.scrub() },
  upgrade: { before: makeFormat1 },
  forgetting: { run: (work) => work.forget(long('without a name')) },
  compaction: { before: leaveLongJournal, run: (work) => work.compact() },
};

/** The store that each operation finds: something of everything, live and dead. */
export async function makeStore(root: string, say: Say): Promise<void> {
  const store = await openStore({ root });
  const work = new Work(store, say);
  await work.bucket('files', 'write-once');
  await work.bucket('live', 'versioned');
  await work.bucket('pages', 'versioned');
  await work.retain('pages', { versions: 0 });
  for (const number of [1, 2]) {
    await work.put('live/page', long(`page ${number}`));
    await work.put('pages/page', `page of ${number}`);
    await work.put(`files/deleted ${number}`, `deleted ${number}`);
    await work.remove(`files/deleted ${number}`);
  }
  await work.put('files/kept', 'page of 1');
  await work.put('live/damaged', damagedBytes);
  await work.putNameless(long('without a name'));
  await work.bucket('brief', 'versioned');
  for (const name of brief) await work.put(name, long(name));
  await store.close();
}

const brief = ['brief/1', 'brief/2'];

/** A collection makes them deleted on record. */
async function letNamesExpire(root: string, say: Say): Promise<void> {
  const store = await openStore({ root });
  const work = new Work(store, say);
  await store.setBucket('brief', { ttl: 1 });
  for (const name of brief) await work.ended(name);
  await store.close();
}

const names = 8;
/** So few that a write meets the collection of its own bytes time and again. */
const contents = 120;

/** Everything at once, until the process is killed. */
export async function runLoad(root: string, dir: string, seed: number, say: Say): Promise<never> {
  const random = seeded(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const work = new Work(await openStore({ root }), say);
  await work.bucket('files', 'write-once');
  await work.bucket('live', 'versioned');
  await work.bucket('pages', 'versioned');
  await work.retain('live', { versions: 2 });
  await work.retain('pages', { versions: 0 });
  const some = () => {
    const number = pick(contents);
    return `content ${number} `.repeat(number % 2 === 0 ? 1 : 100 * number);
  };
  // A name is written by one of them at a time, so that what it holds is known.
  const writer = (number: number) => async () => {
    const name = `${number}-${pick(names)}`;
    const bucket = pick(2) === 0 ? 'live' : 'pages';
    if (pick(4) === 0) await work.remove(`${bucket}/${name}`);
    else await work.put(`${bucket}/${name}`, some());
  };
  const once = async () => {
    const name = `files/${pick(names)}`;
    if (pick(2) === 0) await work.remove(name);
    else await work.put(name, `${name} `.repeat(1000));
  };
  const nameless = async () => {
    const bytes = `nameless ${pick(names)} `.repeat(600);
    if (pick(2) === 0) await work.forget(bytes);
    else await work.putNameless(bytes);
  };
  const imports = () =>
    work.import('live/imported/', `${dir}.tree`, {
      one: some(),
      two: some(),
      three: some(),
      'a/four': some(),
    });
  // An import has threads, which take longer to start than all else of the program.
  const tasks = [writer(1), writer(2), writer(3), once, nameless, ...(pick(4) === 0 ? [imports] : [])];
  const beside = [() => work.collect(), () => work.scrub()];
  const all = [...tasks, ...beside].map(async (task) => {
    for (;;) {
      await task();
      await setImmediate();
    }
  });
  return Promise.race(all);
}
