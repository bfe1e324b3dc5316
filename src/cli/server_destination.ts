// ServerDestination: sends the files of an import to a server. Each is hashed, compared with the object on
// the server, and sent with its digest if they differ.

import { type Stats, statSync } from 'node:fs';
import { SealgateError } from '../errors.ts';
import { type Arrival, checkTold, checkUnchanged, type Destination, ImportStopped } from '../store/import.ts';
import { secretIn } from '../store/secrets.ts';
import { hashOf } from './hashing.ts';
import { ServerFault } from './http_faults.ts';
import { Refused } from './refusals.ts';
import type { RemoteServer } from './remote_server.ts';

/** Errors that every further file would get too, so the import stops. */
const hopeless = new Set(['token-missing', 'token-unknown', 'scope-missing', 'bucket-unknown']);

export class ServerDestination implements Destination {
  readonly concurrency = 16;
  readonly #server: RemoteServer;
  readonly #bucket: string;

  constructor(server: RemoteServer, bucket: string) {
    this.#server = server;
    this.#bucket = bucket;
  }

  // Times cannot be compared, since the server has another clock; bring() compares digests instead.
  has(): boolean {
    return false;
  }

  async bring(file: Arrival) {
    const { path, name, seen, guarded, told, expires } = file;
    const secret = guarded ? secretIn(name, path) : undefined;
    if (secret !== undefined) throw new Error(secret);
    const { digest, size } = await hashOf(path);
    checkTold(file, { digest });
    const to = { bucket: this.#bucket, name };
    const from = {
      path,
      size,
      digest,
      ...(told?.digests && { digests: told.digests }),
      modified: seen.mtimeMs,
    };
    try {
      const outcome = await this.#server.put(to, from, { ...told, expires });
      checkUnchanged(seen, statSync(path) as Stats);
      return { size, outcome };
    } catch (cause) {
      throw failureOf(cause as Error);
    }
  }
}

function failureOf(cause: Error): Error {
  const again = 'run the same command again to go on';
  if (cause instanceof ServerFault) return new ImportStopped(`${cause.message}; ${again}`, { cause });
  if (!(cause instanceof Refused)) return cause;
  if (cause.problem === 'quota-reached') return new SealgateError('quota-reached', cause.message, { cause });
  if (cause.problem === 'store-full') return new SealgateError('store-full', undefined, { cause });
  return hopeless.has(cause.problem) ? new ImportStopped(cause.message, { cause }) : cause;
}
