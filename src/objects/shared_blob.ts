// SharedBlob: the bytes of a shared name, fetched from the tier once for all who wait for them, whatever name
// they ask for, verified, and placed under the name.

import { rm } from 'node:fs/promises';
import { SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';
import { addon, type Hashed } from '../native/addon.ts';
import type { ObjectFields } from '../object_fields.ts';
import type { Fetched, Taking } from '../upstream/fetching.ts';
import { blobKey, sharingFailed, type Tier } from '../upstream/tier.ts';
import type { HeldRecord } from '../upstream/tier_record.ts';
import type { GrowingUpload } from './growing_uploads.ts';
import type { Name } from './objects.ts';
import type { SharedParts } from './shared_names.ts';
import { aboutOf } from './shared_record.ts';

/**
 * Bytes from which a blob is read while it arrives. Who gets a smaller one waits, and has an entity tag and
 * ranges.
 */
const growingBytes = 1024 * 1024;

interface Wanted {
  at: Name;
  record: HeldRecord;
  /** Whether the name has got a newer record meanwhile. */
  isOld(): boolean;
}

type Parts = SharedParts & { tier: Tier };

/** Rejects with why the bytes are not here. */
export async function fetchShared(
  parts: Parts,
  wanted: Wanted,
  begins: (upload: GrowingUpload) => void,
): Promise<void> {
  const { mediaType, fields, digest } = wanted.record;
  const flight = parts.sharing.flights.join(`shared ${digest}`, async (grows) => {
    await new Fetching(parts, wanted, grows).run();
    return { kind: 'stored' };
  });
  const upload = await flight.began;
  if (upload) begins({ ...upload, mediaType, fields: fields as ObjectFields | undefined });
  const landed = await flight.landed;
  if (landed.kind === 'failed') throw landed.error;
}

class Fetching {
  readonly #parts: Parts;
  readonly #wanted: Wanted;
  readonly #grows: (upload: GrowingUpload) => void;
  readonly #staging: string;
  readonly #file: ReturnType<typeof addon.growingFile>;

  constructor(parts: Parts, wanted: Wanted, grows: (upload: GrowingUpload) => void) {
    this.#parts = parts;
    this.#wanted = wanted;
    this.#grows = grows;
    this.#staging = parts.store.stagingPath();
    this.#file = addon.growingFile(wanted.record.size);
  }

  async run(): Promise<void> {
    const { tier, sharing } = this.#parts;
    const { digest, place } = this.#wanted.record;
    try {
      const { signal } = sharing;
      const fetched = await tier.fetch(blobKey(digest, place), {
        signal,
        take: ({ size }) => this.#take(size),
      });
      if (fetched.kind !== 'whole') throw failure(fetched);
      if (fetched.body.digest !== digest)
        throw new SealgateError('upstream-unusable', 'The shared store sent other bytes than were stored.');
      await this.#place(fetched.body);
      this.#file.finish();
    } catch (error) {
      this.#file.fail();
      await rm(this.#staging, { force: true });
      throw error;
    }
  }

  #take(size: number | undefined): Taking {
    const { at, record } = this.#wanted;
    if (size !== record.size)
      throw new SealgateError('upstream-unusable', 'The shared store has another length than was stored.');
    const digests = this.#parts.store.bucket(at.bucket)?.digests ?? [];
    if (size >= growingBytes)
      this.#grows({ file: this.#file, mediaType: record.mediaType, fields: record.fields as ObjectFields });
    return { staging: this.#staging, digests, growing: this.#file.share() };
  }

  #place(body: Hashed): Promise<void> {
    const { store, epochs, locked } = this.#parts;
    const { at, record, isOld } = this.#wanted;
    return locked(at, async () => {
      if (isOld()) {
        await store.commitBlob(this.#staging, body);
        return;
      }
      const arrived = { staging: this.#staging, ...body };
      const outcome = await store.putObject(at.bucket, at.name, arrived, aboutOf(record));
      if (outcome !== 'same') epochs.bump(at.bucket);
    });
  }
}

function failure(fetched: Exclude<Fetched, { kind: 'whole' }>): SealgateError {
  if (fetched.kind !== 'failed')
    return new SealgateError('upstream-unusable', 'The shared store has a name without its bytes.');
  const { fault, message, code } = fetched;
  if (fault !== 'disk') return sharingFailed(fault, message);
  return new SealgateError(isFull(code) ? 'store-full' : 'store-write-failed', message);
}
