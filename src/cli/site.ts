// Shared by the commands: the options that name a site, and access to its store.

import type { Command } from 'commander';
import { type Config, loadConfig } from '../config/config.ts';
import { type Digests, isDigest } from '../digest.ts';
import { errors, SealgateError } from '../errors.ts';
import type { ObjectFields } from '../object_fields.ts';
import { sealLevelOf } from '../seal_policy.ts';
import { openStore } from '../store/content_store.ts';
import { checkBucketName, checkObjectName } from '../store/names.ts';
import type { BucketKind, Store } from '../store/store.ts';
import { checkKept } from './blob_file.ts';
import { noRoomIn } from './no_room.ts';
import { sayError, sentenceOf, UsageError } from './say.ts';

export interface SiteOptions {
  config?: string;
  store?: string;
}

/** Of commands that have `--config` from elsewhere. */
export const storeFlag = [
  '--store <dir>',
  'store to use instead of the configured one; $SEALGATE_STORE',
] as const;

export function withSite(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (default: ./sealgate.json; $SEALGATE_CONFIG)')
    .option(...storeFlag);
}

export function siteConfig({ config, store }: SiteOptions): Promise<Config> {
  return loadConfig({ file: config, flags: { store: { flag: '--store', value: store } } });
}

/** Adds command lines that users can copy to a command's help. */
export function withExamples(command: Command, ...lines: string[]): Command {
  return command.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'));
}

/** `write-once` or `versioned`; undefined when the flag was not given. */
export function parseKind(given: string | undefined): BucketKind | undefined {
  if (given === undefined || given === 'write-once' || given === 'versioned') return given;
  throw new UsageError(`--kind: expected write-once or versioned, got ${given}`);
}

/** Throws when the store has no such bucket. */
export function checkBucket(store: Store, name: string): void {
  if (store.bucket(name)) return;
  throw new SealgateError(
    'bucket-unknown',
    `${name}: there is no such bucket; 'sealgate bucket create' makes one, 'sealgate bucket ls' shows all`,
  );
}

/** The kind of a bucket that the configuration declares; the first `serve` makes such buckets. */
export function declaredKind({ buckets }: Config, name: string): BucketKind | undefined {
  return Object.hasOwn(buckets, name) ? buckets[name] : undefined;
}

/**
 * The kind that a bucket is to be made with: the declared one, else the one that was asked for, else the
 * usual one. Throws when the first two are there and differ: no server starts with a bucket that is not as it
 * is declared.
 */
export function kindToMake(
  config: Config,
  name: string,
  asked: BucketKind | undefined,
  usual: BucketKind = 'write-once',
): BucketKind {
  const declared = declaredKind(config, name);
  if (declared !== undefined && asked !== undefined && asked !== declared) {
    throw new UsageError(
      `--kind ${asked}: the configuration declares bucket ${name} as ${declared}; leave --kind out, or ` +
        'change the configuration',
    );
  }
  return declared ?? asked ?? usual;
}

/** Opens the site's store for one piece of work and closes it whatever happens. */
export async function withStore<T>(
  options: SiteOptions & { readOnly: boolean },
  work: (store: Store, config: Config) => Promise<T> | T,
): Promise<T> {
  const config = await siteConfig(options);
  try {
    const store = await openStore({
      root: config.store,
      readOnly: options.readOnly,
      dates: config.lastModified,
      onMade: () => sayError(`${config.store}: there was no store here, and an empty one was made`),
      onNotice: sayError,
      seals: { level: (bucket) => sealLevelOf(config, bucket), onLowered: sayError },
    });
    try {
      return await work(store, config);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw (options.readOnly ? undefined : noRoomIn(config.store, error)) ?? located(error, config.store);
  }
}

// What clients are told of a store that cannot be written names no path; who runs a command needs it.
function located(error: unknown, root: string): unknown {
  if (!(error instanceof SealgateError) || error.message !== errors[error.code].detail) return error;
  if (error.code !== 'store-write-failed') return error;
  const why = error.cause === undefined ? '' : ` (${sentenceOf(error.cause)})`;
  const said = `the store could not be written${why}; look at its disk, then run the same command again`;
  return new SealgateError(error.code, `${root}: ${said}`, { cause: error });
}

/** BUCKET/NAME or sha256:HEX, parsed. */
export type Reference = { bucket: string; name: string } | { digest: string };

export function parseReference(text: string): Reference {
  if (text.startsWith('sha256:')) {
    const digest = text.slice('sha256:'.length);
    if (isDigest(digest)) return { digest };
    throw new UsageError(`${text}: after sha256: go 64 lower-case hex digits`);
  }
  const slash = text.indexOf('/');
  if (slash < 1 || slash === text.length - 1)
    throw new UsageError(`${text}: expected BUCKET/NAME or sha256:HEX`);
  const reference = { bucket: text.slice(0, slash), name: text.slice(slash + 1) };
  checked(text, () => {
    checkBucketName(reference.bucket);
    checkObjectName(reference.name);
  });
  return reference;
}

/** Runs a validation and turns its error into a UsageError. */
export function checked(given: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new UsageError(`${given}: ${(cause as Error).message}`, { cause });
  }
}

/** The object that a reference points at. Times are ISO 8601, in every output and listing. */
export interface Found extends ObjectFields {
  digest: string;
  digests?: Digests;
  /** Bytes. */
  size: number;
  mediaType: string;
  /**
   * When the version was written, or when its source was last changed, depending on the setting lastModified.
   */
  lastModified?: string;
  version?: number;
  /** When its time to live is over. */
  expires?: string;
}

export interface Listed extends ObjectFields {
  name: string;
  digest: string;
  digests?: Digests;
  size: number;
  mediaType: string;
  lastModified: string;
  expires?: string;
}

/** The object that a reference points at. Throws when there is none, or when it was deleted. */
export function find(store: Store, text: string): Found {
  const reference = parseReference(text);
  if ('digest' in reference) {
    checkKept(store, reference.digest, `${text}: `);
    const blob = store.blob(reference.digest);
    if (!blob) throw new SealgateError('not-found', `${text}: there is no such blob`);
    const { size, created } = blob;
    const mediaType = 'application/octet-stream';
    return { digest: reference.digest, size, mediaType, lastModified: isoTime(created) };
  }
  checkBucket(store, reference.bucket);
  const ref = store.resolve(reference.bucket, reference.name);
  if (!ref) throw new SealgateError('not-found', `${text}: there is nothing under this name`);
  if (ref.deleted) {
    const what = ref.expired ? 'expired' : 'was deleted';
    throw new SealgateError('name-deleted', `${text}: ${what} on ${isoTime(ref.created)}`);
  }
  const { digest, digests, size, mediaType, fields, created, date, version, expires } = ref;
  const times = {
    lastModified: isoTime(date ?? created),
    ...(expires !== undefined && { expires: isoTime(expires) }),
  };
  return { digest, ...(digests && { digests }), size, mediaType, ...fields, ...times, version };
}

/** @param time milliseconds since the epoch. */
export function isoTime(time: number): string {
  return new Date(time).toISOString();
}

/** BUCKET/NAME, parsed and validated. Only names can be written, not digests. */
export function parseName(text: string): { bucket: string; name: string } {
  const reference = parseReference(text);
  if ('digest' in reference) throw new UsageError(`${text}: a name is needed, BUCKET/NAME`);
  return reference;
}
