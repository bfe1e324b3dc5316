// SHA-256 of files and streams, and verification against an expected digest.

import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
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

/** Passes bytes on, and fails at their end when their SHA-256 is not the expected digest. */
export function proving(digest: string, called: string): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = hash.digest('hex');
      done(
        found === digest ? null : new Error(`${called}: is damaged: it has SHA-256 ${found}, not ${digest}`),
      );
    },
  });
}
