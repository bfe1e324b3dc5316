// DiskHash: the digest of a file as it is on its disk. The file is read past the page cache, so that it
// displaces nothing that is delivered, and piece by piece, so that the reading can be slowed down or ended.

import { addon, type Hashed } from '../native/addon.ts';

/** MiB that are read at a time; a signal and a rate take effect between two pieces. */
const mebibytesAtATime = 4;

export interface Reading {
  /** Called before each piece is read, with the bytes of the piece before. */
  pace?: ((bytes: number) => Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

/** Rejects as addon.openHash does, and with the signal's reason. */
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
