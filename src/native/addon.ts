// The typed face of the engine (native/): every call that crosses Node-API is declared here and nowhere else.
// The addon is one binary for Node, Bun and Deno; package.json's "imports" says where it is.

import { createRequire } from 'node:module';
import type { ContentCoding } from '../content_coding.ts';
import type { DigestName, Digests } from '../digest.ts';
import type { EngineRateLimit, EngineTrustedProxies } from './client_rules.ts';
import type { EventBatch } from './engine_events.ts';
import type { EngineLimits } from './engine_limits.ts';
import type { EngineGrants, SigningKey } from './grants.ts';
import type { NetDevice, SealMeans } from './host.ts';
import type { ConnectionInfo, EngineRollout, KtlsCapability, KtlsPolicy } from './ktls.ts';
import type { EngineLogs } from './logs.ts';
import type { EngineMount, MountTable } from './mounts.ts';
import type { EnginePeers, OpenFile, StoreLock } from './peer.ts';
import type {
  Conditions,
  GrowingFile,
  PartialFile,
  Plan,
  ResponseField,
  StagedFile,
  StagedFileOptions,
  Validators,
} from './plan.ts';
import type { BoundListener, EngineProcess, ListeningSockets } from './sockets.ts';
import type { PrivateKey, TlsOptions } from './tls.ts';

export type * from './client_rules.ts';
export type * from './engine_events.ts';
export type * from './engine_limits.ts';
export type * from './grants.ts';
export type * from './host.ts';
export type * from './ktls.ts';
export type * from './logs.ts';
export type * from './mounts.ts';
export type * from './peer.ts';
export type * from './plan.ts';
export type * from './sockets.ts';
export type * from './tls.ts';

declare const recorded: unique symbol;

/**
 * What the store recorded of a blob: the engine seals the file by it before it delivers a byte
 * (native/store/sealed_file.h). Only the store makes one.
 */
export interface SealRecord extends Hashed {
  readonly [recorded]: true;
  evidence: Evidence;
  /** Milliseconds since the epoch. */
  created: number;
}

/** The levels of native/store/seal_level.h. Compared as texts they are in order. */
export type SealLevel = 'L0' | 'L1' | 'L2' | 'L3';
export type SealBreak =
  | 'missing'
  | 'unreadable'
  | 'not-a-file'
  | 'size'
  | 'mode'
  | 'links'
  | 'evidence'
  | 'content';

/**
 * What ties a blob's inode to the moment its digest was verified (native/store/evidence.h). Opaque but for
 * the level that it proves; recorded with the blob.
 */
export type Evidence = string;

export function levelOf(evidence: Evidence): SealLevel {
  if (evidence.includes(' verity:')) return 'L3';
  return evidence.endsWith(' immutable') ? 'L2' : 'L1';
}

/** The result of sealing a file: its level and evidence. */
export interface Sealed {
  level: SealLevel;
  evidence: Evidence;
  /** Why the level is below the one wanted. */
  failure?: string;
}

export interface Placement extends Sealed {
  /** False when a file was there already; the staging file stays then. */
  created: boolean;
  /** Bytes. */
  size: number;
}

export interface Hashed {
  /** SHA-256, 64 lower-case hex digits. */
  digest: string;
  /** Further ones, where they were wanted. */
  digests?: Digests;
  /** Bytes. */
  size: number;
}

/** A blob's file that is read and hashed a piece at a time, off the calling thread (store/blob_hash.h). */
export interface BlobHash {
  /**
   * Reads up to so many MiB past the page cache. Resolves with the number of bytes, and at the end of the
   * file with the result. Rejects as `hashFile` does. Calls must not overlap.
   */
  step(mebibytes: number): Promise<number | Hashed>;
  /** Closes a file that is not read to its end. */
  close(): void;
}

export interface ReactorOptions {
  listeners: BoundListener[];
  /** What has the sockets of these listeners; this worker of so many borrows its share of them. */
  sockets: ListeningSockets;
  worker: number;
  workers: number;
  tls?: TlsOptions;
  ktls: KtlsPolicy;
  limits: EngineLimits;
  /** The refusals that the engine makes, by name (native/http/problem.h). */
  problems: Record<string, { status: number; fields: readonly ResponseField[]; body: string }>;
  /** Value of the Server field; empty sends none. */
  serverName: string;
  requestIds: {
    /** Whether answers say the id of their request. */
    send: boolean;
    /** Networks of clients that may name requests themselves. */
    trust: readonly string[];
  };
  trustedProxies: EngineTrustedProxies;
  rateLimits: readonly EngineRateLimit[];
  /** Path of requests that no limit counts; empty: there is none. */
  healthPath: string;
  mounts: readonly EngineMount[];
  /** Folder that blobs are below, each at `ab/cd/abcd…` by its digest. */
  blobs: string;
}

/** Monotonic totals and gauges of one reactor, by name; see native/server/counters.h. */
export type Counters = Record<string, number>;

export interface Reactor {
  readonly id: number;
  /** The answer to a `request`, `received` or `body` event. One to a connection that is gone is dropped. */
  answer(request: number, plan: Plan): void;
  /** Connections end with their next answer; new ones are accepted, and each has one request answered. */
  windDown(): void;
  /** Stops accepting, finishes responses under way, cuts what is left after graceMs. */
  stop(graceMs: number): void;
  /** Accepts no more. Connections end with their next answer, idle ones after idleMs. */
  retire(idleMs: number, graceMs: number): void;
  /**
   * Uses the options for new handshakes. Throws the reason when they are refused; then nothing has changed.
   */
  replaceTls(options: TlsOptions): void;
  /**
   * Requests whose head arrives later are for these mounts. Kept plans of mounts whose id is not among them
   * are dropped, and requests under way keep the mount that they were found to be for.
   */
  replaceMounts(mounts: readonly EngineMount[]): void;
  /** Counts for requests whose head arrives later, on connections that there are, too. */
  replaceTrustedProxies(proxies: EngineTrustedProxies): void;
  /** Counts for requests whose head arrives later. What was used up under a name counts on. */
  replaceRateLimits(limits: readonly EngineRateLimit[]): void;
  /** In force at once, also for what is under way. Those of a fixed number of places stay as they are. */
  replaceLimits(limits: EngineLimits): void;
  /** Drops kept plans whose epoch has moved, and closes their files. */
  dropStalePlans(): void;
  counters(): Counters;
  /** What was answered for each site (native/server/site_totals.h). */
  sites(): Counters;
  /** Up to `limit` live connections. Rejects when the reactor has ended. */
  connections(limit: number): Promise<ConnectionInfo[]>;
}

export interface Libraries {
  openssl: string;
  /** File that holds the OpenSSL code really called (dladdr(3)). */
  opensslFile: string;
  nghttp2: string;
  nghttp2File: string;
  llhttp: string;
}

export interface Addon extends EngineLogs, EnginePeers, EngineProcess {
  libraries(): Libraries;
  probeKtls(): KtlsCapability[];

  /**
   * Reads a PEM file; undefined when it holds no private key without a passphrase. Rejects with code ENOENT,
   * EACCES, EISDIR, and EINVAL for what is no ordinary file.
   */
  readPrivateKey(path: string): Promise<PrivateKey | undefined>;
  /** Whether it is the key of the first certificate of a PEM text. */
  isKeyOf(key: PrivateKey, certificate: string): boolean;
  /** The setting or file that OpenSSL refuses, and why; undefined: reactors can use these options. */
  faultOfTls(options: TlsOptions): string | undefined;
  /** Makes a new key for session tickets. Tickets of the two keys before it can still resume. */
  rotateTicketKeys(): void;
  setRollout(rollout: EngineRollout): void;
  /** Seconds since the epoch when a connection last moved into the kernel; 0: none has. */
  lastMove(): number;

  /**
   * Whether a request with these conditions may change what is there; undefined: nothing is. A condition that
   * cannot be read does not hold (native/http/representation.h).
   */
  mayChange(conditions: Conditions, current: Validators | undefined): boolean;

  /**
   * Sets the grants of credentials. When this returns, no request is judged by earlier grants. They are valid
   * for so many milliseconds; after that the engine asks about every request.
   */
  setGrants(grants: EngineGrants, milliseconds: number): void;
  /**
   * Reads the key of a file; undefined when that is not one line of 32 to 1024 printable characters. Throws
   * with code ENOENT, EACCES, EISDIR, EFBIG, and EINVAL for what is no ordinary file.
   */
  readSigningKey(path: string): SigningKey | undefined;
  /** HMAC-SHA256 of a text in UTF-8, in hex. */
  signText(key: SigningKey, text: string): string;
  /** Makes the present grants valid for so many milliseconds from now. */
  extendGrants(milliseconds: number): void;

  /** How reactors find the mount of a request. */
  mountTable(mounts: readonly EngineMount[]): MountTable;
  /** Called on the thread whose `onEvents` will answer. */
  createReactor(options: ReactorOptions): Reactor;
  /** Runs a reactor on the calling thread until it has drained. Blocks. */
  runReactor(id: number): void;
  /**
   * Cuts the connections of all running reactors, and waits up to so many milliseconds until these have
   * ended.
   */
  stopReactors(milliseconds: number): void;
  /**
   * Sets the handler of engine events, given in batches, on the calling thread. undefined removes it.
   * events.ts reads what it gets.
   */
  onEvents(handler: ((batch: EventBatch) => void) | undefined): void;
  /** Bytes of the process's memory for request bodies in memory: those taken, and the most there are. */
  bodyMemory(): { taken: number; most: number };
  /** Shared atomic counters that plans depend on. */
  readEpoch(slot: number): number;
  bumpEpoch(slot: number): void;
  readonly epochSlots: number;

  /** The network devices of this process's network namespace. */
  netDevices(): NetDevice[];
  /** Found by trying it on a file made in the folder and removed. Throws when none can be made there. */
  sealMeans(folder: string): SealMeans;

  /**
   * Locks a folder, or a file, which then names the holder. Undefined: another process holds the lock.
   * @param given what a lock belongs to that another process has and shares.
   */
  lockStore(path: string, given?: OpenFile): StoreLock | undefined;
  /**
   * From now on, when mapped metadata lose bytes, the process ends with a sentence instead of SIGBUS alone.
   */
  explainLostMetadata(): void;
  /** Allocates disk behind the end of a file, which keeps its size. Throws, with its errno as `code`. */
  allocateAhead(path: string, bytes: number): void;
  /** The level that a file reaches, or in what it differs from its record. */
  seal(path: string, record: SealRecord): SealLevel | SealBreak;
  /** @param wanted the level to give the blob, if it was not there; the highest that works is given. */
  placeBlob(staging: string, blob: string, wanted?: SealLevel): Promise<Placement>;
  /**
   * As placeBlob for each, at level L1, but one syncfs(2) of an open folder's file system makes all of them
   * durable (native/store/placement.h). An error has its errno as `code`. `fault`: the sync failed, because a
   * write did since the opening, or the last call; then each blob was synced by itself.
   */
  placeTogether(
    folder: number,
    blobs: { staging: string; blob: string }[],
  ): Promise<{ blobs: (Placement | Error)[]; fault?: Error }>;
  /**
   * The digest of a blob's content with the evidence that goes with it; the mode is set to 0444 where we may.
   * Rejects with code ENOENT, EIO… and ESTALE when the file changes meanwhile.
   * @param wanted the level to give the file, if it has a lower one; absent: no level is given.
   */
  hashFile(path: string, wanted?: SealLevel): Promise<Hashed & Sealed>;
  /** Gives a blob another level. Rejects with code ESTALE when it is not as its evidence says. */
  raiseBlob(path: string, evidence: Evidence, wanted: SealLevel): Promise<Sealed>;
  /** Removes a file's immutable attribute, if it has one. Rejects with code EPERM without the right to. */
  releaseFile(path: string): Promise<void>;
  /** Opens a file to hash it, without changing anything of it, even its mode. */
  openHash(path: string): BlobHash;
  /**
   * @param path of a file that does not exist yet, unless `left` says how many bytes count of one that an
   *   earlier process left. @param digests to compute besides SHA-256.
   */
  partialFile(path: string, digests?: readonly DigestName[], left?: number): PartialFile;
  /** @param expected bytes, where that is known before somebody writes it. */
  growingFile(expected?: number): GrowingFile;
  /** For threads that write what no reactor receives. @param path of a file that does not exist yet. */
  stagedFile(path: string, options: StagedFileOptions): StagedFile;
  /** Copies and hashes on the calling thread: for maintenance workers. */
  importFile(source: string, staging: string, digests?: readonly DigestName[]): Hashed;
  /**
   * As importFile for a source of at most so many bytes, with what was copied; the copy is not synced. Throws
   * with code EFBIG when the source is larger.
   */
  importSmallFile(
    source: string,
    staging: string,
    most: number,
    digests?: readonly DigestName[],
  ): Hashed & { bytes: Buffer };
  /**
   * Codes a file into a new staging file, on a thread of least priority, one file at a time. Undefined: the
   * result would have more than `most` bytes. Rejects with code EBADMSG when the file has not this digest,
   * and with ECANCELED after endCoding.
   */
  codeFile(
    coding: ContentCoding,
    file: { source: string; digest: string; staging: string; most: number },
  ): Promise<Hashed | undefined>;
  /** Whether a file decodes to that blob alone. On the same thread; rejects with ECANCELED, too. */
  isCoding(coding: ContentCoding, path: string, blob: Hashed): Promise<boolean>;
  /** Ends the coding of all files that were asked for before. */
  endCoding(): void;
}

export const addon = createRequire(import.meta.url)('#addon') as Addon;
