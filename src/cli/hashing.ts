// SHA-256 of files.

import { createHash } from 'node:crypto';
import type { Hashed } from '../native/addon.ts';
import { streamRegular } from '../regular_file.ts';

/** The SHA-256 and size of a file; symbolic links are refused. */
export async function hashOf(file: string): Promise<Hashed> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of streamRegular(file, { noLink: true })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  return { digest: hash.digest('hex'), size };
}
