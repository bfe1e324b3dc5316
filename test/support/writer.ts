// A process that does nothing but write to a store, to be killed: sixteen puts at a time, for ever. It
// prints each name once the store has acknowledged it. Run as a program it is the writer; imported it
// starts one.

import { type ChildProcess, spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/store/content_store.ts';
import { runtimeArguments } from './runtime.ts';
import { putBytes } from './store.ts';

const program = fileURLToPath(import.meta.url);
const putsAtATime = 16;

/** What the writer puts under a name; some blobs have many names. */
export function bytesOf(name: string): string {
  const number = Number(name.split('/').at(-1));
  return number % 5 === 0 ? `shared by many ${number % 100}` : `${name} `.repeat(1 + (number % 4000));
}

/** @param prefix of every name that it writes. */
export function startWriter(root: string, prefix: string): ChildProcess {
  const args = [...runtimeArguments(), program, root, prefix];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function write(root: string, prefix: string): Promise<void> {
  const store = await openStore({ root });
  let next = 0;
  const takeTurns = async () => {
    for (;;) {
      const name = `${prefix}/${next++}`;
      await putBytes(store, 'files', name, bytesOf(name));
      writeSync(1, `${name}\n`);
    }
  };
  await Promise.all(Array.from({ length: putsAtATime }, takeTurns));
}

const [, started, root, prefix] = process.argv;
if (started === program && root !== undefined && prefix !== undefined) await write(root, prefix);
