// Prepares the page cache before a measurement: evicts files and makes pages free.

import { readdirSync, rmSync, statSync } from 'node:fs';
import { runPinned } from './processes.ts';
import { clientCore } from './site.ts';

/** Evicts the files in these folders that have at least this many bytes from the page cache. */
export async function evict(folders: string[], leastBytes: number): Promise<void> {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => statSync(file).size >= leastBytes && statSync(file).isFile()),
  );
  await runPinned(clientCore, ['build/bench/evict', ...files]);
}

/**
 * Makes as many pages free as 1 GiB of files needs. A virtual machine returns idle pages to its host, and the
 * first access after that is slow.
 */
export async function makePagesFree(path: string): Promise<void> {
  await runPinned(clientCore, ['dd', 'if=/dev/zero', `of=${path}`, 'bs=1M', 'count=1280', 'status=none']);
  await runPinned(clientCore, ['build/bench/evict', path]);
  rmSync(path);
}
