// A program that does one operation to a store, or everything at once, and is killed at it. It says each mark
// on its output. Run with `operation ROOT DIR NAME`, with `errors ROOT DIR NAME` where a call is to fail, or
// with `load ROOT DIR SEED`.

import { writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Mark } from '../faults/marks.ts';
import { Work } from '../faults/work.ts';
import { operations, runLoad } from './operations.ts';

const say = (mark: Mark) => writeSync(1, `${JSON.stringify(mark)}\n`);

const [, , what, root = '', dir = '', which = ''] = process.argv;
if (what === 'load') await runLoad(root, dir, Number(which), say);
else {
  const store = await openStore({ root }).catch((error) => end(error, 1));
  const run = async () => operations[which]?.run?.(new Work(store, say), dir);
  if (what === 'operation') await run();
  else await run().catch((error) => again(error, store, run));
  await store.close();
}

// What failed is done by a further try, unless the store says that the process has to end.
async function again(error: Error, store: Store, run: () => Promise<unknown>): Promise<void> {
  const ended = await Promise.race([store.ended, setImmediate(undefined)]);
  if (ended !== undefined) end(error, 74);
  process.stderr.write(`${said(error)}\n`);
  await run();
}

function said(error: Error): string {
  return `failed: ${(error as { code?: string }).code ?? ''} ${error.message}`;
}

function end(error: Error, status: number): never {
  process.stderr.write(`${said(error)}\n`);
  process.exit(status);
}
