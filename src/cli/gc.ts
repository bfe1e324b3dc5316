// gc: frees the bytes of objects that were overwritten or deleted, in the store itself or through its server.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Collected } from '../store/collection.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { gcShared, type SharedGcOptions } from './gc_shared.ts';
import { onRecord } from './on_record.ts';
import { onStoreOrByControl } from './place.ts';
import { UsageError } from './say.ts';
import { type SiteOptions, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

interface Options extends SiteOptions, ControlOptions {
  dryRun?: true;
  json?: true;
}

/** Milliseconds between two looks at what a server does. */
const interval = 200;

export function addGc(program: Command): void {
  const command = withControl(program.command('gc'))
    .description(
      'free the bytes of objects that were overwritten, deleted or expired; a server does it by itself',
    )
    .option('--dry-run', 'only say what would be freed')
    .option('--json', 'print one JSON object, for each shared store')
    .option('--shared', 'in the stores that buckets are shared over, what no server needs any more')
    .option('--change-grace', 'with --shared: have gc.shared.graceSeconds take the place of the recorded one')
    .option('--store <dir>', 'store to use instead of the configured one; $SEALGATE_STORE')
    .action(gc)
    .addHelpText(
      'after',
      `
What is younger than gc.graceSeconds stays, and so do older versions in a versioned bucket, unless
'sealgate bucket set' says how many or how long. Running transfers are not interrupted.
With --shared, blobs of a shared store that no record names are marked, and removed by a round that comes
gc.shared.graceSeconds later; the round of a command is one of all servers' rounds (docs/scale-out.md).
Exit status: 1 when something could not be removed.`,
    );
  withExamples(
    command,
    'sealgate gc --dry-run',
    'sealgate gc --config site/sealgate.json',
    'sealgate gc --shared --dry-run',
  );
}

async function gc(options: Options & { shared?: true } & SharedGcOptions): Promise<void> {
  if (options.shared) {
    if (options.control !== undefined)
      throw new UsageError('--shared: works on the shared stores themselves, and takes no --control');
    return gcShared(options);
  }
  if (options.changeGrace) throw new UsageError('--change-grace: goes with --shared alone');
  const dryRun = options.dryRun === true;
  const collected = await collect(options, dryRun);
  if (options.json) console.log(JSON.stringify({ dryRun, ...collected }));
  else console.log(textOf(collected, dryRun));
  if (collected.failed.length > 0) process.exitCode = 1;
}

function textOf({ expired, versions, blobs, bytes, waiting, failed }: Collected, dryRun: boolean): string {
  return [
    ...(expired > 0 ? [`${expired} expired names ${dryRun ? 'would be ' : ''}made deleted`] : []),
    `${versions} older versions and ${blobs} blobs ${dryRun ? 'would be ' : ''}removed, ${humanBytes(bytes)}`,
    ...(waiting.versions > 0
      ? [`${waiting.versions} older or expired versions of ${humanBytes(waiting.bytes)} may be removed later`]
      : []),
    ...failed.map(({ digest, why }) => `not removed sha256:${digest}: ${why}`),
  ].join('\n');
}

function collect(options: Options, dryRun: boolean): Promise<Collected> {
  return onStoreOrByControl(options, {
    readOnly: dryRun,
    onStore: async (store, config) => {
      if (!dryRun) await onRecord(config, { action: 'gc', why: 'asked to' });
      return store.collect({ graceMs: config.gc.graceSeconds * 1000, dryRun });
    },
    byControl: (through) => byServer(through, dryRun),
  });
}

interface Status {
  running: boolean;
  last?: { round: number; collected?: Collected; fault?: string };
}

// A round takes as long as it takes, which no single answer is waited for.
async function byServer(options: Options, dryRun: boolean): Promise<Collected> {
  const client = await ControlClient.of(options);
  const { round } = await client.post<{ round: number }>('/gc', { dryRun });
  for (;;) {
    const { last } = await client.get<Status>('/gc');
    if (last && last.round >= round) {
      if (last.collected) return last.collected;
      throw new Error(last.fault ?? 'the server said nothing of the round');
    }
    await sleep(interval);
  }
}
