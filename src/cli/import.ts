// import: a directory tree into a bucket, with progress for people and for logs.

import { stat } from 'node:fs/promises';
import { Presets, SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { SealgateError } from '../errors.ts';
import {
  type ImportOptions,
  type ImportProgress,
  type ImportResult,
  importDirectory,
} from '../store/import.ts';
import { checkBucketName, checkObjectName } from '../store/names.ts';
import { type ChoiceOptions, choiceOf, leftOutLines, withChoice } from './import_choice.ts';
import { sayError } from './say.ts';
import { checked, parseKind, type SiteOptions, withExamples, withSite, withStore } from './site.ts';
import { humanBytes } from './units.ts';

interface Options extends SiteOptions, ChoiceOptions {
  bucket: string;
  prefix: string;
  kind?: string;
  dryRun?: true;
}

/** Milliseconds between two lines of progress where there is no terminal. */
const lineEvery = 5000;
const failuresShown = 20;
/** What shells report of a command ended by SIGINT. */
const interruptedStatus = 130;

export function addImport(program: Command): void {
  const command = withChoice(withSite(program.command('import')))
    .description('import a directory tree into a bucket; run again, it takes up where it stopped')
    .argument('<dir>', 'what to import')
    .option('-b, --bucket <name>', 'made if it is not there', 'files')
    .option('-p, --prefix <text>', "goes before each name, as 'v1/'", '')
    .option('--kind <kind>', 'write-once or versioned; a bucket that is made is write-once if not told')
    .option('--dry-run', 'say what would be imported, and import nothing')
    .action(run);
  withExamples(
    command,
    'sealgate import ~/public',
    "sealgate import ~/public --exclude '*.tmp' --dry-run",
    'sealgate import dist --bucket releases --prefix v1/ --kind write-once',
  );
}

async function run(directory: string, options: Options): Promise<void> {
  const { bucket, prefix, dryRun = false } = options;
  const kind = parseKind(options.kind);
  checked(`--bucket ${bucket}`, () => checkBucketName(bucket));
  // Any name after the prefix has to be a name.
  checked(`--prefix ${prefix}`, () => checkObjectName(`${prefix}x`));
  await checkDirectory(directory);
  const started = performance.now();
  const result = await withStore({ ...options, readOnly: dryRun }, async (store, config) => {
    const choice = await choiceOf(directory, options, config);
    const where = { store, directory, bucket, prefix, choice };
    if (dryRun) return importDirectory({ ...where, onDry: tell });
    if (kind !== undefined || !store.bucket(bucket)) await store.createBucket(bucket, kind ?? 'write-once');
    return importInterruptibly(where);
  });
  const seconds = (performance.now() - started) / 1000;
  const { imported, bytes } = result;
  const rate = humanBytes(bytes / Math.max(seconds, 0.001));
  if (dryRun) console.log(`${imported} files would be imported, ${humanBytes(bytes)}`);
  else console.log(`${imported} files imported, ${humanBytes(bytes)} in ${seconds.toFixed(1)} s (${rate}/s)`);
  summarize(result);
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

// The first SIGINT or SIGTERM lets the files on their way finish; the second ends the process as ever.
async function importInterruptibly(options: ImportOptions): Promise<ImportResult> {
  const interrupted = new AbortController();
  const onSignal = () => {
    sayError('sealgate: ending once the files on their way are done; again to end at once');
    interrupted.abort();
    forget();
  };
  const forget = () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const progress = process.stderr.isTTY ? bar() : lines();
  try {
    const { signal } = interrupted;
    return await importDirectory({ ...options, signal, onProgress: progress.update });
  } finally {
    progress.end();
    forget();
  }
}

interface Display {
  update(progress: ImportProgress): void;
  end(): void;
}

function bar(): Display {
  const format = '{bar} {percentage}% | {files}/{totalFiles} files | {read} of {all} | {eta_formatted} left';
  const drawn = new SingleBar({ format, etaBuffer: 200, stream: process.stderr }, Presets.shades_classic);
  let begun = false;
  return {
    update({ files, bytes, totalFiles, totalBytes }) {
      const shown = { files, totalFiles, read: humanBytes(bytes), all: humanBytes(totalBytes) };
      if (!begun) drawn.start(totalBytes, bytes, shown);
      begun = true;
      drawn.update(bytes, shown);
    },
    end: () => drawn.stop(),
  };
}

function lines(): Display {
  let last = performance.now();
  return {
    update({ files, bytes, totalFiles, totalBytes }) {
      if (performance.now() - last < lineEvery) return;
      last = performance.now();
      sayError(`${files} of ${totalFiles} files, ${humanBytes(bytes)} of ${humanBytes(totalBytes)}`);
    },
    end() {},
  };
}

function summarize({ unchanged, leftOut, failures, stopped }: ImportResult): void {
  if (unchanged > 0) console.log(`${unchanged} files were there already`);
  for (const line of leftOutLines(leftOut)) console.log(line);
  for (const { path, reason } of failures.slice(0, failuresShown)) sayError(`sealgate: ${path}: ${reason}`);
  const unseen = failures.length - failuresShown;
  if (unseen > 0) sayError(`sealgate: and ${unseen} more`);
  if (stopped === 'store-full') {
    throw new SealgateError(
      'store-full',
      'the store has no space left; what was imported stays; make room, then run the same command again',
    );
  }
  if (stopped === 'interrupted') {
    sayError('sealgate: interrupted; run the same command again to go on');
    process.exitCode = interruptedStatus;
  } else if (failures.length > 0) {
    throw new Error(
      `${failures.length} files were not imported; run the same command again once the cause is gone`,
    );
  }
}
