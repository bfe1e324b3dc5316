// The page cache, before a measurement: what is in it, and what it can take.

import { readdirSync, rmSync, statSync } from 'node:fs';
import { runPinned } from './processes.ts';
import { clientCore } from './site.ts';

/** Takes the files of at least so many bytes that are in these folders out of the page cache. */
export async function evict(folders: string[], leastBytes: number): Promise<void> {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => statSync(file).size >= leastBytes && statSync(file).isFile()),
  );
  await runPinned(clientCore, ['build/bench/evict', ...files]);
}

/**
 * As many free pages as 1 GiB of files takes. A virtual machine gives pages that lie idle back to its host,
 * and who is first to touch them again pays for that.
 */
export async function makePagesFree(path: string): Promise<void> {
  await runPinned(clientCore, ['dd', 'if=/dev/zero', `of=${path}`, 'bs=1M', 'count=1280', 'status=none']);
  await runPinned(clientCore, ['build/bench/evict', path]);
  rmSync(path);
}
