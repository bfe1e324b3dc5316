// Changes that one process of the server has another make, which writes to the store. The other one makes
// them as its own: conditions, locks, quotas and epochs are its.

import { rename } from 'node:fs/promises';
import type { Digests } from '../digest.ts';
import type { Conditions, Hashed, SealBreak } from '../native/addon.ts';
import type { NameChange, NewRef } from '../store/store.ts';
import type { Name } from './objects.ts';
import type { Receiving } from './receiving.ts';
import type { CopyRequest, PutRequest } from './requests.ts';
import type { SharedObjects } from './shared_objects.ts';

/** A body that is whole in a staging file. */
interface Arrived {
  staging: string;
  body: Hashed;
}

export type Change =
  | ({ kind: 'put'; to: Name; asked: PutRequest } & Arrived)
  | ({ kind: 'put-blob'; digest: string; conditions: Conditions; digests?: Digests | undefined } & Arrived)
  | { kind: 'adopt'; digest: string }
  | { kind: 'copy'; from: NewRef; to: Name; asked: CopyRequest }
  | { kind: 'delete'; at: Name; conditions: Conditions }
  | {
      kind: 'switch';
      bucket: string;
      changes: readonly NameChange[];
      replaces?: string | undefined;
    }
  | { kind: 'prove'; digest: string; found: SealBreak };

/** Rejects as the calls of Objects do. A staging file is gone then, or in the store. */
export async function makeChange(objects: SharedObjects, change: Change): Promise<unknown> {
  switch (change.kind) {
    case 'put':
      return commit(objects.put(change.to, change.asked), change);
    case 'put-blob':
      return commit(objects.putBlob(change.digest, change.conditions, change.digests), change);
    case 'adopt':
      return objects.adopt(change.digest);
    case 'copy':
      return objects.copy(change.from, change.to, change.asked);
    case 'delete':
      return objects.delete(change.at, change.conditions);
    case 'switch':
      return objects.switchNames(change.bucket, change.changes, change.replaces);
    case 'prove':
      return objects.prove(change.digest, change.found);
  }
}

async function commit<T>(receiving: Receiving<T>, { staging, body }: Arrived): Promise<T> {
  await rename(staging, receiving.staging);
  return receiving.commit(body);
}
