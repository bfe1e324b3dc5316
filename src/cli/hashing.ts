// SHA-256 of what passes, and the proof that it is what it has to be.

import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { Hashed } from '../native/addon.ts';
import { streamRegular } from '../regular_file.ts';

/** Of a file that is no symbolic link. */
export async function hashOf(file: string): Promise<Hashed> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of streamRegular(file, { noLink: true })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  return { digest: hash.digest('hex'), size };
}

/** Passes bytes on and fails at their end when they are not those of the digest. */
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
