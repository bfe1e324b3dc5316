// Small files that are there whole or not at all, also after a power cut.

import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What was made, renamed or removed in the folder is on disk when it resolves. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  await folder.sync().finally(() => folder.close());
}

/** A new file takes the place of the one at `path`; for the owner's eyes. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
