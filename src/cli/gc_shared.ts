// gc --shared: frees the bytes in the stores that buckets are shared over that no record of a name needs.

import { gcWarnings } from '../config/gc.ts';
import { counted } from '../counted.ts';
import type { Tier } from '../upstream/tier.ts';
import { collectTier, type SharedRound } from '../upstream/tier_collection.ts';
import { interruptibly } from './interrupt.ts';
import { onRecord } from './on_record.ts';
import { sayError } from './say.ts';
import { withTiers } from './shared_stores.ts';
import { signalStatus } from './signals.ts';
import { type SiteOptions, siteConfig } from './site.ts';
import { humanBytes } from './units.ts';

export interface SharedGcOptions extends SiteOptions {
  dryRun?: true;
  json?: true;
  changeGrace?: true;
}

export async function gcShared(options: SharedGcOptions): Promise<void> {
  const config = await siteConfig(options);
  for (const warning of gcWarnings(config)) sayError(`warning: ${warning}`);
  const { graceSeconds, requestsPerSecond } = config.gc.shared;
  const { dryRun = false, changeGrace: changesGrace = false } = options;
  if (!dryRun) await onRecord(config, { action: 'gc-shared', why: 'asked to' });
  await interruptibly('requests', async (signal) => {
    try {
      const collect = async (tier: Tier) => {
        const asked = { graceSeconds, requestsPerSecond, dryRun, changesGrace, signal };
        const { skipped: _, ...round } = await collectTier(tier, asked);
        if (options.json) console.log(JSON.stringify({ upstream: tier.name, dryRun, ...round }));
        else console.log(textOf(tier.name, round, dryRun));
        if (round.failed.length > 0) process.exitCode = 1;
      };
      await withTiers(config, collect, { reads: dryRun });
    } catch (error) {
      if (!signal.aborted) throw error;
      process.exitCode = signalStatus.SIGINT;
    }
  });
}

function textOf(upstream: string, round: Omit<SharedRound, 'skipped'>, dryRun: boolean): string {
  const { records, blobs, removed, marked, waiting, spared, failed } = round;
  const would = dryRun ? 'would be ' : '';
  const of = ({ blobs, bytes }: { blobs: number; bytes: number }) =>
    `${counted(blobs, 'blob')}, ${humanBytes(bytes)}`;
  return [
    `${upstream}: ${counted(blobs, 'blob')} and ${counted(records, 'record')} of names`,
    `${upstream}: ${of(removed)} ${would}removed`,
    `${upstream}: ${of(marked)} ${would}marked, to be removed when the grace time is over`,
    `${upstream}: ${of(waiting)} that no record names wait for the end of the grace time`,
    ...(spared > 0 ? [`${upstream}: ${counted(spared, 'blob')} spared, as writers counted on them`] : []),
    ...failed.map(({ key, why }) => `${upstream}: not removed sha256/${key}: ${why}`),
  ].join('\n');
}
