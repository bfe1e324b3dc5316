// Removes and moves the files of blobs; no other code does. The kernel refuses both while a file is immutable
// (seal level L2), so the attribute is removed first.

import { rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { addon } from '../native/addon.ts';

/** Removes a file; a missing one is no error. */
export function removeFile(file: string): Promise<void> {
  // Not rm(): when the kernel refuses, it takes the file for a folder and hides the reason.
  return released(file, () => unlink(file)).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Removes a file as removeFile does; durable when it resolves. */
export async function removeDurably(file: string): Promise<void> {
  await removeFile(file);
  await syncFolder(dirname(file)).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

export function moveFile(from: string, to: string): Promise<void> {
  return released(from, () => rename(from, to));
}

async function released(file: string, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') throw cause;
    await addon.releaseFile(file).catch((error) => {
      throw Object.assign(new Error(refusal(file, error.message), { cause }), { code: error.code });
    });
    await change();
  }
}

function refusal(file: string, why: string): string {
  return (
    `${file} may be immutable, and this process may not change that (${why}); ` +
    `give it CAP_LINUX_IMMUTABLE, or run 'chattr -i ${file}' as root`
  );
}
