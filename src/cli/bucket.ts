// bucket: creates and lists buckets.

import type { Command } from 'commander';
import { type shownBucket, shownBuckets } from '../control/buckets.ts';
import { checkBucketName } from '../store/names.ts';
import type { BucketKind } from '../store/store.ts';
import { addBucketSet, settingsText } from './bucket_set.ts';
import { addBucketShare } from './bucket_share.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { onStoreOrByControl } from './place.ts';
import {
  checked,
  kindToMake,
  parseKind,
  type SiteOptions,
  siteConfig,
  storeFlag,
  withExamples,
  withStore,
} from './site.ts';
import { humanBytes } from './units.ts';

type Options = SiteOptions & ControlOptions;

export function addBucket(program: Command): void {
  const bucket = program
    .command('bucket')
    .description('create, set, share and list buckets; a running server knows of changes at once');
  withExamples(
    bucket,
    'sealgate bucket create releases',
    'sealgate bucket create --kind versioned pages',
    'sealgate bucket set pages --keep-versions 3',
    'sealgate bucket ls',
  );
  const creating = withControl(bucket.command('create'))
    .description('create a bucket')
    .argument('<name>')
    .option(
      '--kind <kind>',
      'write-once: a name never changes; versioned: a name can be overwritten (default: as configured, or ' +
        'write-once)',
    )
    .option('--why <text>', 'reason, recorded in the audit log of a running server')
    .option(...storeFlag)
    .action(create);
  withExamples(creating, 'sealgate bucket create --kind versioned pages');
  addBucketSet(bucket);
  addBucketShare(bucket);
  const listing = withControl(bucket.command('ls').alias('list'))
    .description('list the buckets')
    .option('--json', 'print one JSON object per line')
    .option(...storeFlag)
    .action(list);
  withExamples(listing, 'sealgate bucket ls --config site/sealgate.json');
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
  await onStoreOrByControl(options, {
    onStore: (store) => store.createBucket(name, kind),
    byControl: (through) => byServer(name, kind, through, why),
  });
}

async function byServer(name: string, kind: BucketKind, options: Options, why?: string): Promise<void> {
  await (await ControlClient.of(options)).post('/buckets', { name, kind, ...(why !== undefined && { why }) });
}

type Shown = ReturnType<typeof shownBucket>;

async function list(options: Options & { json?: true }): Promise<void> {
  const buckets =
    options.control === undefined
      ? await withStore({ ...options, readOnly: true }, shownBuckets)
      : (await (await ControlClient.of(options)).get<{ buckets: Shown[] }>('/buckets')).buckets;
  for (const bucket of buckets) console.log(options.json ? JSON.stringify(bucket) : line(bucket));
}

function line({ name, kind, usage, ...settings }: Shown): string {
  const parts = [
    ...(usage && usage.objects > 0 ? [`${usage.objects} objects, ${humanBytes(usage.bytes)}`] : []),
    ...settingsText(settings),
  ];
  return `${kind.padEnd(10)}  ${[name, parts.join('; ')].filter(Boolean).join('  ')}`;
}
