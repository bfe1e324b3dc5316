// A program that does one operation to a store, or everything at once, and is killed at it. It says each mark
// on its output. Run with `operation ROOT DIR NAME` or `load ROOT DIR SEED`.

import { writeSync } from 'node:fs';
import { openStore } from '../../src/store/content_store.ts';
import type { Mark } from '../faults/marks.ts';
import { Work } from '../faults/work.ts';
import { operations, runLoad } from './operations.ts';

const say = (mark: Mark) => writeSync(1, `${JSON.stringify(mark)}\n`);

const [, , what, root = '', dir = '', which = ''] = process.argv;
if (what === 'load') await runLoad(root, dir, Number(which), say);
else {
  const store = await openStore({ root });
  await operations[which]?.run?.(new Work(store, say), dir);
  await store.close();
}
