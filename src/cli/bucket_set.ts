// bucket set: changes what a bucket keeps and may keep, in the store or through the server that has it open.

import { type Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { type AskedSettings, changeOf, objection } from '../control/buckets.ts';
import { type DigestName, digestNames } from '../digest.ts';
import { bucketKindSchema, digestNamesSchema } from '../object_schema.ts';
import { checkBucketName } from '../store/names.ts';
import { mostQuota, type Quota, quotaText } from '../store/quota.ts';
import { mostSeconds, mostVersions, type Retention, retentionText } from '../store/retention.ts';
import type { Bucket, BucketKind, Store } from '../store/store.ts';
import { timeToLiveIn, timeToLiveText } from '../store/time_to_live.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { onRecord } from './on_record.ts';
import { onStoreOrByControl } from './place.ts';
import { UsageError } from './say.ts';
import { checked, kindToMake, type SiteOptions, siteConfig, storeFlag, withExamples } from './site.ts';
import { bytesIn } from './units.ts';

interface Options extends SiteOptions, ControlOptions {
  kind?: BucketKind;
  keepVersions?: string;
  keepDays?: string;
  keepAll?: true;
  quotaBytes?: string;
  quotaObjects?: string;
  ttl?: string;
  digests?: string;
  yes?: true;
  why?: string;
}

export function addBucketSet(bucket: Command): void {
  const setting = withControl(bucket.command('set'))
    .description(
      'change the kind of a bucket, what it keeps for how long, how much, and which digests it computes',
    )
    .argument('<name>')
    .addOption(
      new Option('--kind <kind>', 'for what is written from now on').choices(bucketKindSchema.options),
    )
    .option('--keep-versions <number>', 'keep so many versions behind the newest; a deletion counts as one')
    .option('--keep-days <days>', 'keep versions for so many days after they were overwritten or deleted')
    .option('--keep-all', 'keep all versions, as a new bucket does')
    .option('--quota-bytes <size>', 'refuse what would make it more bytes: 500000, 20GiB, or none')
    .option('--quota-objects <number>', 'refuse what would make it more objects; or none')
    .option('--ttl <time>', 'delete objects so long after they were written: 90s, 30m, 12h, 7d, or none')
    .option('--digests <names>', `compute of every upload: ${digestNames.join(', ')}, or none`)
    .option('--yes', 'also when there are objects or versions that would be removed')
    .option('--why <text>', 'reason, recorded in the audit log')
    .option(...storeFlag)
    .action(set)
    .addHelpText(
      'after',
      `
What is not named stays as it is. With --keep-versions and --keep-days, a version is kept while one of the two
keeps it; collection removes the others.

A bucket that becomes versioned takes other bytes under its names at once, but clients and caches may keep for
a year what they got while it was write-once. One that becomes write-once keeps no older versions: collection
removes them after the grace time, and --yes is asked for when there are any.

A quota counts every version of a name whose bytes are kept: older ones until they are collected, those of
deleted names too, and each with its size even where several have the same bytes. 'sealgate bucket ls' shows
the usage. Beyond it uploads, copies and imports are refused with 507 (quota-reached); deletions never are.
One below the usage may be set: then nothing is taken until there is less.

An object whose time to live is over is deleted from that moment on for everybody: 410, and in no listing.
Collection says so on record a grace time (gc.graceSeconds) later, and frees the bytes a further one later;
until then they count towards the quota, and 'sealgate restore' gives them back, for as long as new objects
live. The same bytes stored again live anew. In a write-once bucket an expired name takes the same bytes again
and no others, as a deleted one. A versioned bucket without --keep-versions and --keep-days keeps older
versions for the time to live as well. A change counts for what is there, and asks for --yes when that deletes
something. Times are those of this host's clock.

With --digests, further digests are computed of uploads and imports from then on, while their bytes come, and
recorded with the object: for clients that compare with MD5, or with the CRCs of S3. SHA-256 always is. Copies
have those of what they are made of.`,
    );
  withExamples(
    setting,
    'sealgate bucket set pages --keep-versions 3 --keep-days 30',
    'sealgate bucket set builds --quota-bytes 200GiB --quota-objects 100000',
    'sealgate bucket set builds --quota-objects none',
    'sealgate bucket set nightly --kind versioned',
    'sealgate bucket set nightly --ttl 14d',
  );
}

async function set(name: string, options: Options): Promise<void> {
  checked(name, () => checkBucketName(name));
  const { kind, yes = false, why = 'asked to' } = options;
  const asked = { name, ...settingsOf(options), yes, why };
  // A server does not start while the configuration declares another kind.
  if (kind) kindToMake(await siteConfig(options), name, kind);
  const bucket = await onStoreOrByControl(options, {
    onStore: (store, config) => setHere(asked, store, config),
    byControl: async (through) => (await ControlClient.of(through)).post<Bucket>('/buckets/set', asked),
  });
  say(bucket, asked);
}

interface Asked extends AskedSettings {
  name: string;
  yes: boolean;
  why: string;
}

async function setHere(
  { name, yes, why, ...settings }: Asked,
  store: Store,
  config: Config,
): Promise<Bucket> {
  const change = changeOf(settings);
  const against = yes ? undefined : await objection(store, name, change);
  if (against !== undefined) throw new Error(against);
  await onRecord(config, { action: 'bucket-set', why, bucket: name, ...settings });
  await store.setBucket(name, change);
  return store.bucket(name) as Bucket;
}

function say({ name, kind, ...settings }: Bucket, asked: AskedSettings): void {
  const { keep, ttl } = settings;
  const all = kind === 'versioned' && (keep ?? ttl) === undefined ? [retentionText(keep)] : [];
  const is = asked.kind ? [`is ${kind}`] : [];
  const not = [
    ...(asked.ttl === 'none' ? ['objects do not expire'] : []),
    ...(asked.quota && !settings.quota ? ['may keep any amount'] : []),
  ];
  console.log(`${name} ${[...is, ...all, ...settingsText(settings), ...not].join('; ')}`.trimEnd());
}

interface ShownSettings {
  digests?: DigestName[] | undefined;
  keep?: Retention | undefined;
  quota?: Quota | undefined;
  ttl?: number | undefined;
}

/** Settings that differ from those of a new bucket, in words, for a line. */
export function settingsText({ keep, quota, ttl, digests }: ShownSettings): string[] {
  return [
    ...(keep ? [retentionText(keep)] : []),
    ...(quota ? [`may keep ${quotaText(quota)}`] : []),
    ...(ttl !== undefined ? [timeToLiveText(ttl)] : []),
    ...(digests ? [`computes ${digests.join(', ')}`] : []),
  ];
}

function settingsOf(options: Options): AskedSettings {
  const { kind } = options;
  const limits = { ...keepOf(options), ...quotaOf(options), ...ttlOf(options) };
  const settings = { ...(kind && { kind }), ...limits, ...digestsOf(options) };
  if (Object.keys(settings).length > 0) return settings;
  throw new UsageError(
    'expected --kind; --keep-versions, --keep-days or both, or --keep-all; --quota-bytes or ' +
      '--quota-objects; --ttl; --digests',
  );
}

function keepOf({ keepVersions, keepDays, keepAll }: Options): Pick<AskedSettings, 'keep'> {
  const isRule = keepVersions !== undefined || keepDays !== undefined;
  if (isRule && keepAll) throw new UsageError('--keep-all goes without --keep-versions and --keep-days');
  if (keepAll) return { keep: 'all' };
  if (!isRule) return {};
  return {
    keep: {
      ...(keepVersions !== undefined && { versions: whole('--keep-versions', keepVersions, mostVersions) }),
      ...(keepDays !== undefined && { seconds: whole('--keep-days', keepDays, mostSeconds / day) * day }),
    },
  };
}

function ttlOf({ ttl }: Options): Pick<AskedSettings, 'ttl'> {
  if (ttl === undefined) return {};
  if (ttl === 'none') return { ttl };
  const seconds = timeToLiveIn(ttl);
  if (seconds !== undefined) return { ttl: seconds };
  throw new UsageError(
    `--ttl: expected a time as 90s, 30m, 12h or 7d, up to 100 years, or none, got '${ttl}'`,
  );
}

function digestsOf({ digests }: Options): Pick<AskedSettings, 'digests'> {
  if (digests === undefined) return {};
  if (digests === 'none') return { digests };
  const read = digestNamesSchema.safeParse(digests.split(',').map((each) => each.trim()));
  if (read.success) return { digests: read.data };
  throw new UsageError(
    `--digests: expected some of ${digestNames.join(', ')} with commas between, or none, got ` +
      `'${digests.slice(0, 100)}'`,
  );
}

function quotaOf({ quotaBytes, quotaObjects }: Options): Pick<AskedSettings, 'quota'> {
  const quota = {
    ...(quotaBytes !== undefined && { bytes: limitOf(quotaBytes, bytesOf) }),
    ...(quotaObjects !== undefined && {
      objects: limitOf(quotaObjects, (given) => whole('--quota-objects', given, mostQuota)),
    }),
  };
  return Object.keys(quota).length > 0 ? { quota } : {};
}

function limitOf(given: string, parse: (given: string) => number): number | 'none' {
  return given === 'none' ? 'none' : parse(given);
}

function bytesOf(given: string): number {
  const bytes = bytesIn(given);
  if (bytes !== undefined && bytes <= mostQuota) return bytes;
  throw new UsageError(
    `--quota-bytes: expected bytes, or a number with KiB to PiB, up to 1PiB, got '${given}'`,
  );
}

const day = 86_400;

function whole(flag: string, given: string, most: number): number {
  const number = /^\d{1,16}$/.test(given) ? Number(given) : Number.POSITIVE_INFINITY;
  if (number > most) throw new UsageError(`${flag}: expected a whole number up to ${most}, got ${given}`);
  return number;
}
