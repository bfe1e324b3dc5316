// The store's contract: what is promised to everything above. Bytes first, then one commit with all that is
// to be known of them, and the reply after it.

import type { DigestName, Digests } from '../digest.ts';
import type { Counters, Hashed, SealBreak, SealLevel, SealRecord } from '../native/addon.ts';
import type { GivenFields, ObjectFields } from '../object_fields.ts';
import type { Adopted } from './adoption.ts';
import type { ChangedNames } from './changed_names.ts';
import type { Codings } from './codings.ts';
import type { Collected, Kept, Round } from './collection.ts';
import type { Eviction } from './eviction.ts';
import type { Quota } from './quota.ts';
import type { Removed } from './removed_by.ts';
import type { Retention } from './retention.ts';
import type { Succession } from './succession.ts';
import type { Expiry } from './time_to_live.ts';
import type { Usage } from './usage.ts';
import type { Miscounted } from './usage_count.ts';

export type BucketKind = 'write-once' | 'versioned';

/**
 * What happens at the first request for a blob since the start. trust: it is delivered when its inode, size
 * and ctime are as recorded. hash: all of its bytes are read and hashed first.
 */
export type FirstRead = 'trust' | 'hash';

export interface Bucket {
  name: string;
  kind: BucketKind;
  created: number;
  /** Which older versions are kept; absent: all of them, or in a write-once bucket none. */
  keep?: Retention;
  /** How many bytes and objects it may have; absent: any number. */
  quota?: Quota;
  /** Seconds from when a version is written to when its name is as if it were deleted; absent: no end. */
  ttl?: number;
  /** Digests that are computed of every upload besides SHA-256; absent: none. */
  digests?: DigestName[];
}

/** A change of a bucket's settings; those that are absent stay. `none` removes the setting. */
export interface SettingsChange {
  kind?: BucketKind;
  keep?: Retention | 'none';
  quota?: { [Which in keyof Quota]?: number | 'none' };
  ttl?: number | 'none';
  digests?: DigestName[] | 'none';
}

/** What a name points at. */
export interface Descriptor {
  /** SHA-256, 64 lower-case hex digits. */
  digest: string;
  /** Further digests that are known of the bytes; absent: none. */
  digests?: Digests;
  /** Bytes. */
  size: number;
  mediaType: string;
  /** Absent: there is none. */
  fields?: ObjectFields;
  /** Milliseconds since the epoch, when the ref was written; never less than the version before. */
  created: number;
  /** The version before was written in the same second: no date in HTTP tells the two apart. */
  undated?: true;
  /** When the source last changed, if that is known: after the version before, and not after created. */
  modified?: number;
  /**
   * When its name is as if it were deleted, milliseconds since the epoch; absent: it is not the newest
   * version, or neither its bucket nor whoever stored it says when.
   */
  expires?: number;
  /** The one of the two that HTTP tells (dates.ts); undefined: neither tells it from the version before. */
  date: number | undefined;
}

/** What the caller says about the bytes that a name will point at. */
export interface About {
  /**
   * The media type, if the caller names one. Else: the one recorded for the same bytes, else the one that the
   * name suggests, with charset=utf-8 where the bytes are text in UTF-8.
   */
  mediaType?: string | undefined;
  /** All fields of the new version. Absent: those that the name has for the same bytes, else none. */
  fields?: GivenFields | undefined;
  /** Milliseconds since the epoch, when the source last changed. */
  modified?: number | undefined;
  /**
   * When the name ends, unless its bucket's time to live ends it before. Absent: when it ends with the same
   * bytes, else never.
   */
  expires?: Expiry | undefined;
  /** Called right before the commit, with nothing between; throws to prevent it. */
  check?: () => void;
}

/** The blob that a name will point at. */
export interface NewRef extends About {
  digest: string;
  /** Further digests of its bytes, where the caller knows them. */
  digests?: Digests | undefined;
}

/** Bytes that have arrived: whole in a staging file. */
export interface Arrived extends Hashed {
  staging: string;
  /** The file is to be in its place again when it is not stored. */
  isKept?: boolean;
  /** It is one of many that come together and may share a sync of the whole file system. */
  isOneOfMany?: true;
  /** The media type that the name and the bytes suggest, where it was found out. */
  suggested?: string;
}

/** One version of a name. Written once; the newest version wins. */
export type Ref =
  | (Descriptor & { version: number; deleted: false })
  | {
      version: number;
      deleted: true;
      created: number;
      /** It is no deletion on record: `created` says when its time was over. */
      expired?: true;
    };

/** What to list, and from where. */
export interface Page {
  prefix: string;
  /** Names that are equal up to and with this text, looked for behind `prefix`, become one common prefix;
   * empty: none. */
  delimiter?: string | undefined;
  /** A name or a common prefix after which the page begins; empty: with the first. */
  after: string;
  /** Most entries and common prefixes: 1 to 1000. */
  limit: number;
}

/** Which versions to list, and from where. */
export interface VersionPage {
  /** Names with this prefix; absent: all. */
  prefix?: string | undefined;
  /** This name alone. */
  name?: string | undefined;
  /** The version after which the page begins, or a name whose versions are all passed over. */
  after?: { name: string; version?: number | undefined } | undefined;
  /** 1 to 1000. */
  limit: number;
}

export interface Versions {
  entries: (Ref & { name: string; isNewest: boolean })[];
  /** The `after` of the next page; absent on the last one. */
  next?: { name: string; version: number };
}

export interface Listing {
  entries: (Descriptor & { name: string })[];
  /** Common prefixes, each in place of the names that have it. */
  prefixes: string[];
  /**
   * The `after` of the next page; absent on the last one. A page may have fewer entries than its limit, or
   * none, when many deleted names were passed over.
   */
  next?: string;
}

/**
 * Why a blob has to be proved again: what the engine or the sentinel found (with `content` all of its bytes
 * are hashed in any case), or `disk`: its bytes are read from the disk, past the page cache, and requests for
 * the blob wait meanwhile.
 */
export type Doubt = SealBreak | 'disk';

/** A blob whose file is as recorded: its size in bytes, and the level of its seal. */
export interface Proven {
  size: number;
  level: SealLevel;
}

/**
 * `renewed`: a further version has the same bytes, which live for the bucket's time to live from now on, end
 * later, or of which further digests are known.
 */
export type PutOutcome = 'created' | 'same' | 'renewed' | 'replaced';

/** What a switch does to one name: it points the name at `to`, or without `to` deletes it. */
export interface NameChange {
  name: string;
  to?: NewRef;
}

/** `absent`: there was nothing to delete. */
export type SwitchOutcome = PutOutcome | 'deleted' | 'absent';

/** The state of a blob by its newest record. */
export type KnownBlob = { digest: string } & (
  | { state: 'stored'; size: number }
  | { state: 'withdrawn'; why: string }
  | { state: 'forgotten'; why: string }
);

/** `no-right-file`: what is left of the blob is damaged or cannot be read. */
export type Restored = 'restored' | 'not-withdrawn' | 'forgotten' | 'no-right-file';

export interface Store {
  readonly root: string;
  /** Stored blobs in other content codings. */
  readonly codings: Codings;

  buckets(): Bucket[];
  bucket(name: string): Bucket | undefined;
  /** Makes a bucket, unless it exists. One of another kind is refused with `bucket-kind-differs`. */
  createBucket(name: string, kind: BucketKind): Promise<void>;
  /**
   * Changes settings of a bucket. Refused with `bucket-unknown`, and where a write-once bucket is to keep
   * older versions with `bucket-kind-differs`. A quota may be below what is used: then nothing more is taken.
   * Another kind is for what is written from now on; one that becomes write-once keeps no older versions.
   */
  setBucket(name: string, change: SettingsChange): Promise<void>;
  /** Undefined in a store open for reading that an older version wrote to last. */
  usage(bucket: string): Usage | undefined;
  /** Compares the counters of buckets with what their names add up to (usage_count.ts). */
  miscounted(): Promise<Miscounted[] | undefined>;
  /** Throws `quota-reached` when this much more would exceed the bucket's quota. Commits check it again. */
  checkRoom(bucket: string, added: Usage): void;
  /** What the settings of a bucket keep and a change of them would not. */
  removedBy(bucket: string, change: SettingsChange): Promise<Removed>;

  /**
   * The newest version, tombstones included, and as one a version whose time is over; undefined when the name
   * was never written. Synchronous.
   */
  resolve(bucket: string, name: string): Ref | undefined;
  /** Size of a committed blob, undefined when there is none. */
  blob(digest: string): { size: number; created: number } | undefined;
  /**
   * The record by which the engine opens a committed blob. A promise while the blob is proved again, or read
   * for the first time; it rejects with `proof-under-way` when that takes longer than a request should wait.
   * Throws `not-found`, `content-forgotten`, and `seal-broken` for one in quarantine.
   */
  recorded(digest: string, firstRead?: FirstRead): SealRecord | Promise<SealRecord>;
  /**
   * Proves that a committed blob's file is as recorded. Its bytes are read where inode, size or ctime differ,
   * and where the content is doubted; a file with the right content is recorded anew. Throws as `recorded`
   * does; rejects with `store-read-failed` when its file cannot be reached, and with `seal-broken`
   * when it had to be withdrawn.
   */
  prove(digest: string, doubt?: Doubt): Promise<Proven>;
  /** Takes up, or removes, a file in the place of a blob that is not on record as stored (adoption.ts). */
  adopt(digest: string): Promise<Adopted>;
  /** Blobs that there are records of, by digest, from behind `after`; of one digest with `only`. */
  known(page: { after: string; limit: number } | { only: string }): KnownBlob[];
  /**
   * Restores a withdrawn blob from a file of it whose content is still right: the file is put in its place
   * and recorded anew. Resolves with the outcome. A forgotten blob stays forgotten.
   */
  restore(digest: string): Promise<Restored>;
  /** Moves a blob that failed its proof to the quarantine and records why. */
  quarantine(digest: string, reason: string): Promise<void>;
  /**
   * Removes a blob's file for good and records why; names that point at it are `content-forgotten`. The same
   * bytes may be stored anew. False when there was never such a blob. Done again, it removes what a crash
   * left.
   */
  forget(digest: string, why: string): Promise<boolean>;

  /** Runs one round of collection. Rejects with `store-full` when there is no room for its records. */
  collect(round: Round): Promise<Collected>;
  /** The holds on a blob, at most `limit` of them; none: it is collected once the grace time is over. */
  kept(digest: string, options: { graceMs: number; limit: number }): Kept[];
  /** The buckets of which some version of some name keeps a blob. */
  bucketsOf(digest: string): Iterable<string>;
  /** Those names of a bucket. */
  namesOf(digest: string, bucket: string): Iterable<string>;

  /** A fresh path in staging/. */
  stagingPath(): string;
  /** The file of a blob, for a thread that reads it and compares its bytes with the digest by itself. */
  pathOf(digest: string): string;
  /** Where uploads in several requests may be (upload_files.ts); new ones are made in the first. */
  uploadFolders(): string[];
  /**
   * Whether files of a bucket that are placed at the same time share a sync. If not, each is synced by
   * itself, for the file system or the bucket's seal level.
   */
  syncsTogether(bucket: string): boolean;
  /**
   * Places a finished staging file as a blob, sealed as the bucket asks, and points a name at it, in one
   * commit. A write-once name that has other bytes is refused with `name-taken`, one that has them with
   * another type with `media-type-differs`, with other fields or a later end with `fields-differ`. Fields
   * that cannot be are refused as checkedFields does, and what exceeds the bucket's quota with
   * `quota-reached`. Durable when it resolves, and the staging file is gone then.
   */
  putObject(bucket: string, name: string, arrived: Arrived, about: About): Promise<PutOutcome>;
  /**
   * Places a finished staging file as a blob that has no name, and is kept until it is forgotten. Durable
   * when it resolves, and the staging file is gone then.
   */
  commitBlob(staging: string, received: Hashed): Promise<void>;
  /**
   * Points a name at a blob that is stored, and seals that as the bucket asks; refuses as putObject does, and
   * with `not-found`.
   */
  putRef(bucket: string, name: string, to: NewRef): Promise<PutOutcome>;
  /**
   * Changes many names of a bucket in one commit: all of them or none. Resolves with the outcome of each, in
   * the order of the list, when it is durable. Rejects with `list-invalid` when the list is empty, too long
   * or has a name twice, with `content-unknown` when a blob is not stored, and as putRef does.
   * @param beforeCommit called right before the commit, with nothing between; may throw to prevent it.
   */
  switchNames(
    bucket: string,
    changes: readonly NameChange[],
    beforeCommit?: () => void,
  ): Promise<SwitchOutcome[]>;
  /** Writes a tombstone version; false when there was nothing to delete. */
  deleteRef(bucket: string, name: string): Promise<boolean>;
  /** One version of a name; undefined when there never was one, or it was collected. Synchronous. */
  version(bucket: string, name: string, version: number): Ref | undefined;
  /** All versions of names, deletions included. */
  versions(bucket: string, page: VersionPage): Versions;
  /** Names in code-point order with their newest version; without those that are deleted or have ended. */
  list(bucket: string, page: Page): Listing;

  /** Names whose answers are others than before, for those who tell caches; of a process that writes. */
  readonly changed: ChangedNames;

  /** Copies the metadata as they are now, as `data.mdb`, into a folder that is empty. Not durable yet. */
  copyMetadata(folder: string): Promise<void>;
  /**
   * Blobs withdrawn since the store was opened, by reason, and what the journal is like; named as the engine
   * names its totals.
   */
  counters(): Counters;

  /** What frees what mirrors can fetch again. */
  readonly eviction: Eviction;
  /** How another process goes on with the store. */
  readonly succession: Succession;
  /** Why the store cannot be written at present, found out by a write; undefined: it can. */
  fault(): Promise<string | undefined>;
  /** Resolves with the reason when only a restarted process can go on with the store. */
  readonly ended: Promise<string>;

  close(): Promise<void>;
}
