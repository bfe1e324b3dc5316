// bucket share: sends what a bucket had before it was shared to the store that it is shared over.

import type { Command } from 'commander';
import { counted } from '../counted.ts';
import { type BucketShared, shareBucket } from '../objects/share_bucket.ts';
import { readAnnouncement } from '../server/announcement.ts';
import { holderOf } from '../store/layout.ts';
import { checkBucketName } from '../store/names.ts';
import { interruptibly } from './interrupt.ts';
import { display } from './progress.ts';
import { sayError, sayFailures } from './say.ts';
import { withTiers } from './shared_stores.ts';
import { signalStatus } from './signals.ts';
import {
  checkBucket,
  checked,
  type SiteOptions,
  siteConfig,
  withExamples,
  withSite,
  withStore,
} from './site.ts';
import { humanBytes } from './units.ts';

type Options = SiteOptions & { json?: true };

export function addBucketShare(bucket: Command): void {
  const sharing = withSite(bucket.command('share'))
    .description('send what a bucket had before it was shared to the store of "sharedBuckets"')
    .argument('<name>')
    .option('--json', 'print one JSON object')
    .action(share)
    .addHelpText(
      'after',
      `
Run it while the server still runs without the setting, then stop the server, run it again, and start the
server with the setting: what was written between the two runs is lost otherwise (docs/scale-out.md).
Names that the store has already stay as they are there. A run that was interrupted can be made again, and
sends the rest.
Exit status: 1 when something could not be sent.`,
    );
  withExamples(sharing, 'sealgate bucket share releases --config site/sealgate.json');
}

async function share(bucket: string, options: Options): Promise<void> {
  checked(bucket, () => checkBucketName(bucket));
  const config = await siteConfig(options);
  const work = (signal: AbortSignal) =>
    withStore({ ...options, readOnly: true }, (store) => {
      checkBucket(store, bucket);
      const shown = display('names');
      const onProgress = shown.update.bind(shown);
      return withTiers(config, (tier) => shareBucket({ store, tier, bucket, signal, onProgress }), { bucket })
        .then(([done]) => done)
        .finally(() => shown.end());
    });
  await interruptibly('names', async (signal) => {
    const before = await isServedUnshared(config.store, bucket);
    const done = await work(signal);
    const servedUnshared = before || (await isServedUnshared(config.store, bucket));
    if (done) tell(bucket, { ...done, servedUnshared }, options);
    if (signal.aborted) process.exitCode = signalStatus.SIGINT;
  });
}

/** Whether a process has the store open that may write to the bucket past the store it is shared over. */
async function isServedUnshared(root: string, bucket: string): Promise<boolean> {
  if (!(await holderOf(root))) return false;
  const server = await readAnnouncement(root);
  return !server?.sharedBuckets.includes(bucket);
}

function tell(bucket: string, done: BucketShared & { servedUnshared: boolean }, { json }: Options): void {
  const { names, sent, bytes, same, others, failed, servedUnshared } = done;
  if (json) console.log(JSON.stringify({ bucket, ...done }));
  else {
    const are = sent + same + others.length;
    console.log(
      `${bucket}: ${are} of ${counted(names, 'name')} are in the shared store: ${sent} sent ` +
        `(${humanBytes(bytes)}), ${same} were there, ${others.length} have something else there, which stays`,
    );
    sayFailures(
      others.map((name) => ({ what: name, reason: 'has other bytes there, or was deleted there' })),
    );
  }
  sayFailures(failed.map(({ name, why }) => ({ what: name, reason: why })));
  if (servedUnshared)
    sayError(
      `sealgate: ${bucket}: a server has this store open without sharing the bucket, and what it writes ` +
        'from now on is not sent: stop it, run this again, and only then start it with "sharedBuckets"',
    );
  if (failed.length > 0) process.exitCode = 1;
}
