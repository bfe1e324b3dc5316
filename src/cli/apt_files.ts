// What apt publish does with files of the bucket: in the store, or through a server.

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { naming } from '../named_errors.ts';
import type { Store } from '../store/store.ts';
import { blobFile } from './blob_file.ts';
import { type ListedPage, localPage } from './ls.ts';
import { putIntoStore, send } from './put.ts';
import { Refused } from './refusals.ts';
import type { RemoteServer } from './remote_server.ts';

const pageSize = 1000;
export const revalidated = 'public, no-cache';
/** Of names that change. */
const fields = { cacheControl: revalidated };

export interface Files {
  list(prefix: string, after: string): ListedPage | Promise<ListedPage>;
  /** Uses the file of an object. */
  file<T>(name: string, digest: string, use: (path: string) => Promise<T>): Promise<T>;
  put(name: string, path: string, cacheControl: string): Promise<unknown>;
  remove(name: string): Promise<unknown>;
  /** All of them at once; in a bucket that several servers share, in this order. */
  switchNames(changes: readonly Change[]): Promise<unknown>;
}

/** What becomes of a name: it points at bytes that were put, or without a digest is deleted. */
interface Change {
  name: string;
  digest?: string;
}

export function ofStore(store: Store, bucket: string): Files {
  return {
    list: (prefix, after) => localPage(store, bucket, { prefix, after, limit: pageSize }),
    file: async (_, digest, use) => use(await blobFile(store, digest)),
    put: (name, path, cacheControl) => putIntoStore(store, path, target(bucket, name, cacheControl)),
    remove: (name) => store.deleteRef(bucket, name),
    switchNames: (changes) =>
      store.switchNames(
        bucket,
        changes.map(({ name, digest }) => ({
          name,
          ...(digest !== undefined && { to: { digest, fields } }),
        })),
      ),
  };
}

/** @param folder where a file is that was put, named by its digest, and where files are that are read. */
export function ofServer(server: RemoteServer, bucket: string, folder: string): Files {
  const put: Files['put'] = (name, path, cacheControl) =>
    send(server, path, path, target(bucket, name, cacheControl));
  const remove: Files['remove'] = (name) => server.remove(bucket, name);
  return {
    list: (prefix, after) => server.list(bucket, { prefix, after, limit: pageSize }),
    file: async (name, _, use) => {
      const path = join(folder, 'read');
      const { bytes } = await server.read({ bucket, name });
      await naming(path, () => pipeline(Readable.from(bytes), createWriteStream(path)));
      return use(path);
    },
    put,
    remove,
    switchNames: async (changes) => {
      try {
        await server.switchNames(
          bucket,
          changes.map(({ name, digest }) =>
            digest === undefined ? { name, deleted: true } : { name, digest, ...fields },
          ),
        );
      } catch (error) {
        if (!(error instanceof Refused) || error.problem !== 'sharing-refused') throw error;
        for (const { name, digest } of changes)
          await (digest === undefined ? remove(name) : put(name, join(folder, digest), revalidated));
      }
    },
  };
}

function target(bucket: string, name: string, cacheControl: string) {
  return { bucket, name, mediaType: undefined, fields: { cacheControl }, expires: undefined, guarded: false };
}
