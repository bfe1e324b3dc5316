// import: a directory tree into a bucket, with progress for people and for logs.

import { Presets, SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { type ImportProgress, type ImportResult, importDirectory } from '../store/import.ts';
import type { BucketKind } from '../store/store.ts';
import { type SiteOptions, withSite, withStore } from './site.ts';
import { humanBytes } from './units.ts';

interface Options extends SiteOptions {
  bucket: string;
  prefix: string;
  kind: BucketKind;
}

/** Milliseconds between two lines of progress where there is no terminal. */
const lineEvery = 5000;
const failuresShown = 20;

export function addImport(program: Command): void {
  withSite(program.command('import'))
    .description('import a directory tree into a bucket; run again, it takes up where it stopped')
    .argument('<dir>', 'what to import; symbolic links are not followed')
    .option('-b, --bucket <name>', 'made if it is not there', 'files')
    .option('-p, --prefix <text>', "goes before each name, as 'v1/'", '')
    .option('--kind <kind>', 'of a bucket that is made: write-once or versioned', 'write-once')
    .action(run);
}

async function run(directory: string, options: Options): Promise<void> {
  if (options.kind !== 'write-once' && options.kind !== 'versioned') {
    throw new Error(`--kind: expected write-once or versioned, got ${options.kind}`);
  }
  const started = performance.now();
  const result = await withStore({ ...options, readOnly: false }, async (store) => {
    if (!store.bucket(options.bucket)) await store.createBucket(options.bucket, options.kind);
    const progress = process.stderr.isTTY ? bar() : lines();
    const { bucket, prefix } = options;
    return importDirectory({ store, directory, bucket, prefix, onProgress: progress.update }).finally(
      progress.end,
    );
  });
  summarize(result, (performance.now() - started) / 1000);
}

interface Display {
  update(progress: ImportProgress): void;
  end(): void;
}

function bar(): Display {
  const format = '{bar} {percentage}% | {files}/{totalFiles} files | {read} of {all} | {eta_formatted} left';
  const drawn = new SingleBar(
    { format, hideCursor: true, etaBuffer: 200, stream: process.stderr },
    Presets.shades_classic,
  );
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
      console.error(`${files} of ${totalFiles} files, ${humanBytes(bytes)} of ${humanBytes(totalBytes)}`);
    },
    end() {},
  };
}

function summarize({ imported, unchanged, special, bytes, failures }: ImportResult, seconds: number): void {
  const rate = humanBytes(bytes / Math.max(seconds, 0.001));
  console.log(`${imported} files imported, ${humanBytes(bytes)} in ${seconds.toFixed(1)} s (${rate}/s)`);
  if (unchanged > 0) console.log(`${unchanged} files were there already`);
  if (special > 0) console.log(`${special} links and special files were left out`);
  for (const { path, reason } of failures.slice(0, failuresShown))
    console.error(`sealgate: ${path}: ${reason}`);
  if (failures.length === 0) return;
  throw new Error(
    `${failures.length} files were not imported; run the same command again once the cause is gone`,
  );
}
