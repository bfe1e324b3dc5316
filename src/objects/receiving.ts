// Receiving: a body on its way into the store, from the first byte to the commit.

import { rm } from 'node:fs/promises';
import { type DigestName, type Digests, namesOf } from '../digest.ts';
import { SealgateError } from '../errors.ts';
import type { Hashed } from '../native/addon.ts';

export interface Receiving<Result> {
  /** Where the body is to be written; the file must not exist yet. */
  staging: string;
  /** Bytes; a longer body is refused. */
  maxSize: number;
  /** Digests of the body that `commit` wants besides SHA-256. */
  digests: DigestName[];
  /** Call it once the body is whole in the staging file, which is its own from then on. */
  commit(body: Hashed): Promise<Result>;
}

/** What the body must have; absent: it may have any. */
export interface Promised {
  /** SHA-256. */
  digest?: string | undefined;
  digests?: Digests | undefined;
}

/**
 * The staging file is gone when `commit` has settled, whatever became of it.
 * @param at `digests`: those that are wanted whatever was promised. `kept`: one that is refused stays there.
 * @param place takes the staging file, which is gone when it resolves.
 */
export function receiving<Result>(
  at: { staging: string; maxSize: number; digests?: readonly DigestName[] | undefined; kept?: boolean },
  promised: Promised,
  place: (staging: string, body: Hashed) => Promise<Result>,
): Receiving<Result> {
  const { staging, maxSize } = at;
  const wanted = [...new Set([...(at.digests ?? []), ...namesOf(promised.digests)])];
  const commit = async ({ digest, size, digests }: Hashed) => {
    try {
      checkPromises(promised, digest, digests);
      return await place(staging, { digest, size, ...(digests && { digests }) });
    } catch (cause) {
      if (!at.kept) await rm(staging, { force: true });
      throw cause;
    }
  };
  return { staging, maxSize, digests: wanted, commit };
}

/** As receiving, for a body that is not kept. @param read reads the staging file. */
export function receivingToRead<Result>(
  at: { staging: string; maxSize: number },
  read: (staging: string) => Promise<Result>,
): Receiving<Result> {
  return receiving(at, {}, (staging) => read(staging).finally(() => rm(staging, { force: true })));
}

function checkPromises(promised: Promised, digest: string, digests: Digests = {}): void {
  checkPromise('SHA-256', promised.digest, digest);
  for (const name of namesOf(promised.digests)) {
    const found = digests[name];
    // Whoever receives an upload in several requests may have forgotten to ask for it.
    if (found === undefined) throw new Error(`${name} was promised and not computed`);
    checkPromise(name.toUpperCase(), promised.digests?.[name], found);
  }
}

function checkPromise(name: string, promised: string | undefined, found: string): void {
  if (promised === undefined || promised === found) return;
  throw new SealgateError(
    'digest-mismatch',
    `The bytes received have ${name} ${found}, promised was ${promised}.`,
  );
}
