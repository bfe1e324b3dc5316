// bucket: creates and lists buckets.

import type { Command } from 'commander';
import { objection, shownBucket } from '../control/content.ts';
import { StoreHeld } from '../store/layout.ts';
import { checkBucketName } from '../store/names.ts';
import { mostSeconds, mostVersions, type Retention, retentionText } from '../store/retention.ts';
import type { BucketKind } from '../store/store.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { onRecord } from './on_record.ts';
import { serverOf } from './place.ts';
import { UsageError } from './say.ts';
import {
  checked,
  kindToMake,
  parseKind,
  type SiteOptions,
  siteConfig,
  withExamples,
  withStore,
} from './site.ts';

type Options = SiteOptions & ControlOptions;

const storeFlag = ['--store <dir>', 'store to use instead of the configured one; $SEALGATE_STORE'];

export function addBucket(program: Command): void {
  const [flag = '', about = ''] = storeFlag;
  const bucket = program
    .command('bucket')
    .description('create, set and list buckets; a running server knows of changes at once');
  withExamples(
    bucket,
    'sealgate bucket create releases',
    'sealgate bucket create --kind versioned pages',
    'sealgate bucket set pages --keep-versions 3',
    'sealgate bucket ls',
  );
  const creating = withControl(bucket.command('create'))
    .description('create a bucket; its kind cannot be changed later')
    .argument('<name>')
    .option(
      '--kind <kind>',
      'write-once: a name never changes; versioned: a name can be overwritten (default: as configured, or ' +
        'write-once)',
    )
    .option('--why <text>', 'reason, recorded in the audit log of a running server')
    .option(flag, about)
    .action(create);
  withExamples(creating, 'sealgate bucket create --kind versioned pages');
  addSet(bucket);
  const listing = withControl(bucket.command('ls').alias('list'))
    .description('list the buckets')
    .option('--json', 'print one JSON object per line')
    .option(flag, about)
    .action(list);
  withExamples(listing, 'sealgate bucket ls --config site/sealgate.json');
}

function addSet(bucket: Command): void {
  const [flag = '', about = ''] = storeFlag;
  const setting = withControl(bucket.command('set'))
    .description('say which older versions a versioned bucket keeps; collection removes the others')
    .argument('<name>')
    .option('--keep-versions <number>', 'keep so many versions behind the newest; a deletion counts as one')
    .option('--keep-days <days>', 'keep versions for so many days after they were overwritten or deleted')
    .option('--keep-all', 'keep all versions, as a new bucket does')
    .option('--yes', 'also when there are versions that would be removed')
    .option('--why <text>', 'reason, recorded in the audit log')
    .option(flag, about)
    .action(set)
    .addHelpText('after', '\nWith both, a version is kept while one of the two keeps it.');
  withExamples(setting, 'sealgate bucket set pages --keep-versions 3 --keep-days 30');
}

interface SetOptions extends Options {
  keepVersions?: string;
  keepDays?: string;
  keepAll?: true;
  yes?: true;
  why?: string;
}

async function set(name: string, options: SetOptions): Promise<void> {
  checked(name, () => checkBucketName(name));
  const keep = keepOf(options);
  const { yes = false, why = 'asked to' } = options;
  const asked = { name, keep: keep ?? 'all', yes, why };
  const byServer = async (control: string) =>
    void (await (await ControlClient.of({ ...options, control })).post('/buckets/set', asked));
  if (options.control !== undefined) await byServer(options.control);
  else {
    try {
      await withStore({ ...options, readOnly: false }, async (store, config) => {
        const against = yes ? undefined : await objection(store, name, keep);
        if (against !== undefined) throw new Error(against);
        await onRecord(config, { action: 'bucket-set', why, bucket: name, keep: keep ?? 'all' });
        await store.retain(name, keep);
      });
    } catch (error) {
      if (!(error instanceof StoreHeld)) throw error;
      await byServer((await serverOf(options, error)).announcement.control);
    }
  }
  console.log(`${name} ${retentionText(keep)}`);
}

function keepOf({ keepVersions, keepDays, keepAll }: SetOptions): Retention | undefined {
  const isRule = keepVersions !== undefined || keepDays !== undefined;
  if (isRule === (keepAll === true))
    throw new UsageError('expected --keep-versions, --keep-days or both, or --keep-all');
  if (keepAll) return undefined;
  return {
    ...(keepVersions !== undefined && { versions: whole('--keep-versions', keepVersions, mostVersions) }),
    ...(keepDays !== undefined && { seconds: whole('--keep-days', keepDays, mostSeconds / day) * day }),
  };
}

const day = 86_400;

function whole(flag: string, given: string, most: number): number {
  const number = /^\d{1,9}$/.test(given) ? Number(given) : Number.POSITIVE_INFINITY;
  if (number > most) throw new UsageError(`${flag}: expected a whole number up to ${most}, got ${given}`);
  return number;
}

async function create(name: string, options: Options & { kind?: string; why?: string }): Promise<void> {
  checked(name, () => checkBucketName(name));
  const asked = parseKind(options.kind);
  await createBucket(name, kindToMake(await siteConfig(options), name, asked), options, options.why);
}

/** Works in the store itself, or through the server that has it open or that --control names. */
export async function createBucket(
  name: string,
  kind: BucketKind,
  options: Options,
  why?: string,
): Promise<void> {
  if (options.control !== undefined) return byServer(name, kind, options, why);
  try {
    await withStore({ ...options, readOnly: false }, (store) => store.createBucket(name, kind));
  } catch (error) {
    if (!(error instanceof StoreHeld)) throw error;
    const { announcement } = await serverOf(options, error);
    await byServer(name, kind, { ...options, control: announcement.control }, why);
  }
}

async function byServer(name: string, kind: BucketKind, options: Options, why?: string): Promise<void> {
  await (await ControlClient.of(options)).post('/buckets', { name, kind, ...(why !== undefined && { why }) });
}

type Shown = ReturnType<typeof shownBucket>;

async function list(options: Options & { json?: true }): Promise<void> {
  const buckets =
    options.control === undefined
      ? await withStore({ ...options, readOnly: true }, (store) => store.buckets().map(shownBucket))
      : (await (await ControlClient.of(options)).get<{ buckets: Shown[] }>('/buckets')).buckets;
  for (const bucket of buckets) console.log(options.json ? JSON.stringify(bucket) : line(bucket));
}

function line({ name, kind, keep }: Shown): string {
  return `${kind.padEnd(10)}  ${name}${keep ? `  ${retentionText(keep)}` : ''}`;
}
