// DiskHash: the digest of a file as it is on its disk. Read past the page cache, so that cold blobs displace
// nothing that is delivered, and a piece at a time, so that the reader can take its time.

import { addon, type Hashed } from '../native/addon.ts';

/** MiB that are read at a time: what a signal and a rate wait for. */
const mebibytesAtATime = 4;

export interface Reading {
  /** Called before each piece is read, with the bytes of the piece before. */
  pace?: ((bytes: number) => Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

/** Rejects as addon.openHash does, and with the signal's reason. Of a rate of 0 nothing is waited for. */
export async function hashOnDisk(path: string, { pace, signal }: Reading = {}): Promise<Hashed> {
  const hash = addon.openHash(path);
  try {
    for (let read = 0; ; ) {
      await pace?.(read);
      signal?.throwIfAborted();
      const found = await hash.step(pace ? 1 : mebibytesAtATime);
      if (typeof found !== 'number') return found;
      read = found;
    }
  } finally {
    hash.close();
  }
}
