// Identity: an id that a store's metadata and its blobs both hold, so that metadata are never used with the
// blobs of another store, or with none because these were not mounted.

import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../durable_file.ts';
import { readRegular } from '../regular_file.ts';

/** Far more than an id has. */
const maxIdBytes = 4096;

/** The file beside the blobs that has the id of their store. */
export function idFile(root: string): string {
  return join(root, 'blobs', 'id');
}

/** The id of the blobs. Rejects when its file cannot be read. */
export async function readId(root: string): Promise<string> {
  return (await readRegular(idFile(root), maxIdBytes)).trim();
}

async function idOfBlobs(root: string): Promise<string | undefined> {
  return readId(root).then(
    (id) => id || undefined,
    (error) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}

/** Gives blobs a new id, durably, for metadata that are made anew for them. */
export async function newIdentity(root: string): Promise<string> {
  const id = randomUUID();
  await writeId(root, id);
  return id;
}

export function writeId(root: string, id: string): Promise<void> {
  return replaceFile(idFile(root), `${id}\n`);
}

/**
 * The store's id, and whether the blobs have it. Rejects when metadata and blobs do not belong together.
 * @param meta the id in the metadata, and whether they hold nothing else.
 */
export async function agreedIdentity(
  root: string,
  meta: { id: string | undefined; isEmpty: boolean },
): Promise<{ id: string; blobsHaveId: boolean }> {
  const blobs = await idOfBlobs(root);
  if (meta.id !== undefined && meta.id === blobs) return { id: meta.id, blobsHaveId: true };
  const hasBlobs = (await readdir(join(root, 'blobs', 'sha256'))).length > 0;
  if (meta.id === undefined && meta.isEmpty && hasBlobs) {
    throw new Error(
      `${join(root, 'meta')}: the metadata are empty, and there are blobs; bring back data.mdb, or run ` +
        "'sealgate rebuild' to make the metadata from the journal and the blobs",
    );
  }
  if (meta.id !== undefined && blobs === undefined && !hasBlobs && !meta.isEmpty)
    throw new Error(`${join(root, 'blobs')}: there are metadata, and no blobs; is the folder not mounted?`);
  if (meta.id !== undefined && blobs !== undefined) {
    throw new Error(
      `${join(root, 'blobs')}: these are the blobs of store ${blobs}, and the metadata are those of ` +
        `${meta.id}; mount the right folder, or run 'sealgate rebuild' to take these blobs`,
    );
  }
  // One of the two has no id: the store is new, older than ids, or its file was lost.
  return { id: meta.id ?? blobs ?? randomUUID(), blobsHaveId: blobs !== undefined };
}
