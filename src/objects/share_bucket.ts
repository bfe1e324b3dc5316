// ShareBucket: what a bucket of this server had before it was shared goes to the store that it is shared
// over: of each name the bytes, and then its record, where there is none. What is there already stays.

import { createHash } from 'node:crypto';
import { SealgateError } from '../errors.ts';
import type { FileProgress } from '../file_progress.ts';
import { idFile, readId } from '../store/identity.ts';
import type { Descriptor, Store } from '../store/store.ts';
import { inTurns } from '../turns.ts';
import type { Tier } from '../upstream/tier.ts';
import { type HeldRecord, isDeleted } from '../upstream/tier_record.ts';
import { placeOf, settled } from './shared_settling.ts';

export interface BucketShared {
  /** Of the bucket here. */
  names: number;
  /** Whose record was written, with their bytes. */
  sent: number;
  bytes: number;
  /** That had the same bytes there already. */
  same: number;
  /** That point at something else there, or are deleted there: that stays. */
  others: string[];
  failed: { name: string; why: string }[];
}

export interface SharingBucket {
  store: Pick<Store, 'root' | 'bucket' | 'list' | 'blob' | 'pathOf'>;
  tier: Tier;
  bucket: string;
  signal: AbortSignal;
  onProgress(progress: FileProgress): void;
}

type Entry = Descriptor & { name: string };

/** Names that are sent at a time. */
const atATime = 4;
const pageOfNames = 1000;
/** Names that were not sent, after which the rest is not tried. */
const mostFailures = 100;
/** Can be done again, and then does the rest. Whatever goes wrong with a name is told in the end. */
export async function shareBucket(sharing: SharingBucket): Promise<BucketShared> {
  const { store, bucket, signal, onProgress } = sharing;
  const own = await stampBegins(store.root);
  const done: BucketShared = { names: 0, sent: 0, bytes: 0, same: 0, others: [], failed: [] };
  let totalBytes = 0;
  for (const { size } of namesOf(store, bucket)) {
    done.names++;
    totalBytes += size;
  }
  const progress = { files: 0, bytes: 0, totalFiles: done.names, totalBytes };
  const isOver = () => signal.aborted || done.failed.length >= mostFailures;
  const work = async (entry: Entry) => {
    try {
      const became = await shareName(sharing, own, entry);
      if (became === 'others') done.others.push(entry.name);
      else done[became]++;
      if (became === 'sent') done.bytes += entry.size;
    } catch (error) {
      done.failed.push({ name: entry.name, why: whyOf(error) });
    }
    progress.files++;
    progress.bytes += entry.size;
    onProgress(progress);
  };
  await inTurns(namesOf(store, bucket), atATime, work, isOver);
  return done;
}

/** Begins the stamp of a record that is made so from this store, and not by a client's write. */
async function stampBegins(root: string): Promise<string> {
  const id = await readId(root).catch((cause) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new Error(`${idFile(root)}: the store has no identity yet; its server writes one when it starts`, {
      cause,
    });
  });
  return `share:${createHash('sha256').update(id).digest('hex').slice(0, 16)}:`;
}

function* namesOf(store: SharingBucket['store'], bucket: string): Generator<Entry> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { entries, next } = store.list(bucket, { prefix: '', after, limit: pageOfNames });
    yield* entries;
    after = next;
  }
}

async function shareName(
  { store, tier, bucket }: SharingBucket,
  own: string,
  entry: Entry,
): Promise<'sent' | 'same' | 'others'> {
  const { name, digest, size } = entry;
  const at = { bucket, name };
  const there = await tier.read(at);
  const found = there === 'absent' || there === 'same' ? undefined : there;
  if (found && !isDeleted(found.record) && found.record.digest === digest) return 'same';
  if (found && !isOlder(found.record, entry, { own, kind: store.bucket(bucket)?.kind })) return 'others';
  if (!store.blob(digest)) throw new Error('its bytes were withdrawn here');
  const ready = () => tier.keep({ digest, size, path: store.pathOf(digest) });
  const kept = await ready();
  const stamp = own + crypto.randomUUID();
  const version = (found?.record.version ?? 0) + 1;
  const record: HeldRecord = { format: 1, stamp, version, ...aboutOf(entry), ...placeOf(kept) };
  const written = await tier.write(at, record, found?.etag);
  if ('differs' in written) {
    // Another one was first, unless the answer to this was lost.
    const now = await tier.read(at);
    if (now === 'absent' || now === 'same' || now.record.stamp !== stamp) return 'others';
    await settled({ tier, at, kept, ready }, { ...now, until: 0 });
    return 'sent';
  }
  await settled({ tier, at, kept, ready }, { record, etag: written.etag, until: 0 });
  return 'sent';
}

/**
 * Whether a record is of an earlier such time, and the name was overwritten here since. Other bytes of the
 * same time are newer, too: a clock that was set back gives versions the time of the one before.
 */
function isOlder(
  record: { stamp: string; created: number; deleted?: true },
  entry: Entry,
  { own, kind }: { own: string; kind: string | undefined },
): boolean {
  if (kind !== 'versioned' || record.deleted || !record.stamp.startsWith(own)) return false;
  return record.created <= entry.created;
}

function aboutOf({ digest, digests, size, mediaType, fields, created, modified, expires }: Entry) {
  return {
    ...{ digest, size, mediaType, created },
    ...(digests && { digests }),
    ...(fields && { fields: fields as NonNullable<HeldRecord['fields']> }),
    ...(modified !== undefined && { modified }),
    ...(expires !== undefined && { expires }),
  };
}

/** Clients are told the same of all that is wrong with the store; here the reason is told. */
function whyOf(error: unknown): string {
  const cause =
    error instanceof SealgateError ? (error.cause as { message?: string } | undefined) : undefined;
  return cause?.message ?? (error as Error).message;
}
