// Receiving: a body on its way into the store, from the first byte to the commit.

import { rm } from 'node:fs/promises';
import { SealgateError } from '../errors.ts';
import type { Hashed } from '../native/addon.ts';

export interface Receiving<Result> {
  /** Where the body is to be written; the file must not exist yet. */
  staging: string;
  /** Bytes; a longer body is refused. */
  maxSize: number;
  /** Call it once the body is whole in the staging file, which is its own from then on. */
  commit(body: Hashed): Promise<Result>;
}

/**
 * The staging file is gone when `commit` has settled, whatever became of it.
 * @param promised the digest that the body must have; undefined: any.
 */
export function receiving<Result>(
  at: { staging: string; maxSize: number },
  promised: string | undefined,
  place: (staging: string, body: Hashed) => Promise<Result>,
): Receiving<Result> {
  const { staging } = at;
  const commit = async ({ digest, size }: Hashed) => {
    try {
      checkPromise(promised, digest);
      return await place(staging, { digest, size });
    } finally {
      await rm(staging, { force: true });
    }
  };
  return { ...at, commit };
}

function checkPromise(promised: string | undefined, digest: string): void {
  if (promised === undefined || promised === digest) return;
  throw new SealgateError(
    'digest-mismatch',
    `The bytes received have SHA-256 ${digest}, promised was ${promised}.`,
  );
}
