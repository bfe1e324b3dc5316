// A file that is written here and appears under its name only when it is complete, verified and on disk.

import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { syncFolder } from './durable_file.ts';
import { isFull } from './full_disk.ts';
import { named } from './named_errors.ts';

/** The bytes that are expected, and what an error calls their source. */
export interface Expected {
  digest: string;
  called: string;
}

/** Rejects when the bytes are others. */
export function fill(stream: Writable, source: Readable, { digest, called }: Expected): Promise<void> {
  return pipeline(source, proving(digest, called), stream);
}

/** Replaces the file at `target`, or creates it. A link in its place is replaced, not followed. */
export async function writeVerified(target: string, source: Readable, expected: Expected): Promise<void> {
  const partial = `${target}.${randomUUID().slice(0, 8)}.partial`;
  try {
    await fill(
      createWriteStream(partial, { flags: 'wx', flush: true } as { flags: string }),
      source,
      expected,
    );
    await rename(partial, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    // The errors of reading the source are not about this file.
    const { syscall, code } = cause as NodeJS.ErrnoException;
    // Deno does not say which call it was that found no room.
    const isOurs = syscall ? /^(?:write|fsync)/.test(syscall) : isFull(code);
    throw isOurs ? named(target, cause) : cause;
  } finally {
    // Bun rejects with EFAULT below a file, where the error of the opening tells more.
    await rm(partial, { force: true }).catch(() => {});
  }
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
