// import: imports a directory tree into a bucket, with progress on a terminal and in logs.

import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { counted } from '../counted.ts';
import { SealgateError } from '../errors.ts';
import { type ImportOptions, type ImportResult, importDirectory } from '../store/import.ts';
import { manifestHeader } from '../store/manifest.ts';
import { checkBucketName, checkObjectName } from '../store/names.ts';
import type { BucketKind } from '../store/store.ts';
import { intoStore } from '../store/store_destination.ts';
import { createBucket } from './bucket.ts';
import { expiryFlag, type FieldOptions, saidFlags, withExpiry, withFields } from './field_flags.ts';
import { type ChoiceOptions, choiceOf, leftOutLines, withChoice } from './import_choice.ts';
import { interruptibly } from './interrupt.ts';
import { noRoom } from './no_room.ts';
import { type PlaceOptions, reading, withPlace, writing } from './place.ts';
import { display } from './progress.ts';
import { sayError, sayFailures } from './say.ts';
import { ServerDestination } from './server_destination.ts';
import { signalStatus } from './signals.ts';
import { checked, kindToMake, parseKind, siteConfig, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

interface Options extends PlaceOptions, ChoiceOptions, FieldOptions {
  control?: string;
  bucket?: string;
  prefix: string;
  kind?: string;
  dryRun?: true;
  expires?: string;
}

export function addImport(program: Command): void {
  const command = withExpiry(withFields(withChoice(withPlace(program.command('import')))))
    .description('import a directory tree into a bucket; an interrupted import can be run again')
    .argument('<dir>', 'directory to import')
    .option(
      '-b, --bucket <name>',
      'bucket, created if it does not exist (default: files, or that of an export)',
    )
    .option('-p, --prefix <text>', "prefix of all names, for example 'v1/'", '')
    .option(
      '--kind <kind>',
      'write-once or versioned, for a new bucket (default: as declared or exported, else write-once)',
    )
    .option(
      '--control <url>',
      'URL of the control plane of --server, to create the bucket there; $SEALGATE_CONTROL',
    )
    .option('--dry-run', 'show what would be imported, and import nothing')
    .action(run);
  withExamples(
    command,
    'sealgate import ~/public',
    "sealgate import ~/public --exclude '*.tmp' --dry-run",
    "sealgate import dist --include 'assets/**' --cache-control 'max-age=31536000, immutable'",
    'sealgate import ~/public --server https://files.example.org --token-file ~/.sealgate-token',
    'sealgate import dist --bucket releases --prefix v1/ --kind write-once',
  );
}

async function run(directory: string, options: Options): Promise<void> {
  const { prefix, dryRun = false } = options;
  const kind = parseKind(options.kind);
  await checkDirectory(directory);
  const manifest = await manifestHeader(directory);
  const bucket = options.bucket ?? manifest?.bucket ?? 'files';
  checked(`--bucket ${bucket}`, () => checkBucketName(bucket));
  // The prefix is valid if a name that begins with it is.
  checked(`--prefix ${prefix}`, () => checkObjectName(`${prefix}x`));
  const started = performance.now();
  const said = saidFlags(options);
  const choice = await choiceOf(directory, options, await siteConfig(options));
  const expires = expiryFlag(options);
  const what = { directory, prefix, choice, said, expires, isExport: manifest !== undefined };
  const result: Brought = await (dryRun
    ? dry(what, bucket, options)
    : bring(what, bucket, { asked: kind, usual: manifest?.kind }, options));
  const seconds = (performance.now() - started) / 1000;
  const { imported, bytes } = result;
  const rate = humanBytes(bytes / Math.max(seconds, 0.001));
  if (dryRun) console.log(`${counted(imported, 'file')} would be imported, ${humanBytes(bytes)}`);
  else
    console.log(
      `${counted(imported, 'file')} imported, ${humanBytes(bytes)} in ${seconds.toFixed(1)} s (${rate}/s)`,
    );
  summarize(result);
}

/** `root`: of the store, where it is here. */
type Brought = ImportResult & { root?: string };

type What = Pick<ImportOptions, 'directory' | 'prefix' | 'choice' | 'said' | 'expires' | 'isExport'>;

function dry(what: What, bucket: string, options: Options): Promise<ImportResult> {
  return reading(options, {
    onStore: (store) => intoStore(store, bucket, (to) => importDirectory({ ...what, to, onDry: tell })),
    onServer: (server) => {
      const to = new ServerDestination(server, bucket);
      return importDirectory({ ...what, to, onDry: tell });
    },
  });
}

function bring(
  what: What,
  bucket: string,
  { asked, usual }: Record<'asked' | 'usual', BucketKind | undefined>,
  options: Options,
): Promise<Brought> {
  return writing<Brought>(options, [bucket], {
    onStore: async (store, config) => {
      const wanted = kindToMake(config, bucket, asked, usual);
      if (asked !== undefined || !store.bucket(bucket)) await store.createBucket(bucket, wanted);
      const brought = intoStore(store, bucket, (to) => importInterruptibly({ ...what, to }));
      return { ...(await brought), root: store.root };
    },
    onServer: async (server) => {
      const wanted = kindToMake(await siteConfig(options), bucket, asked, usual);
      const missing = (await server.bucketExists(bucket)) === false;
      if (asked !== undefined || missing) {
        // A bucket cannot be removed, so none is made for an import that the server would refuse.
        await server.checkMayWrite(bucket);
        await bucketOnServer(bucket, wanted, options);
      }
      return importInterruptibly({ ...what, to: new ServerDestination(server, bucket) });
    },
  });
}

// Buckets are created through the control plane. Its URL is known for the local server; otherwise --control
// must name it.
async function bucketOnServer(bucket: string, kind: BucketKind, options: Options): Promise<void> {
  const named = options.server ?? process.env.SEALGATE_SERVER;
  const control = options.control ?? process.env.SEALGATE_CONTROL;
  if (named !== undefined && control === undefined) {
    throw new Error(
      `${bucket}: buckets are made by the control plane, which --control names; or make it first, with ` +
        "'sealgate bucket create' on the server's host, and leave --kind out",
    );
  }
  const through = named !== undefined && control !== undefined ? { control } : {};
  await createBucket(bucket, kind, { ...options, ...through }, 'for an import');
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory);
  if (!found.isDirectory()) {
    throw new Error(`${directory}: expected a directory; 'sealgate put' stores a single file`);
  }
}

function tell({ name, size, mediaType }: { name: string; size: number; mediaType: string }): void {
  console.log(`${humanBytes(size).padStart(10)}  ${mediaType.padEnd(24)}  ${name}`);
}

function importInterruptibly(options: ImportOptions): Promise<ImportResult> {
  const progress = display('files');
  return interruptibly('files', (signal) =>
    importDirectory({ ...options, signal, onProgress: progress.update }).finally(progress.end),
  );
}

function summarize({ unchanged, leftOut, failures, stopped, quota, root }: Brought): void {
  if (unchanged > 0) console.log(`${counted(unchanged, 'file', 'was')} there already`);
  for (const line of leftOutLines(leftOut)) console.log(line);
  sayFailures(failures.map(({ path, reason }) => ({ what: path, reason })));
  if (stopped === 'store-full') {
    const what = root
      ? noRoom(root)
      : "the server's store has no space left; make room there, then run the same command again";
    throw new SealgateError('store-full', `${what}; what was imported stays`);
  }
  if (stopped === 'quota-reached') {
    throw new SealgateError(
      'quota-reached',
      `${quota} What was imported stays; raise the quota with 'sealgate bucket set', or remove versions, ` +
        'then run the same command again',
    );
  }
  if (stopped === 'interrupted') {
    sayError('sealgate: interrupted; run the same command again to go on');
    process.exitCode = signalStatus.SIGINT;
  } else if (failures.length > 0) {
    const missing = counted(failures.length, 'file', 'was');
    throw new Error(`${missing} not imported; run the same command again once the cause is gone`);
  }
}
