// bucket share: sends what a bucket had before it was shared to the store that it is shared over.

import type { Command } from 'commander';
import { counted } from '../counted.ts';
import { type BucketShared, shareBucket } from '../objects/share_bucket.ts';
import { checkBucketName } from '../store/names.ts';
import { interruptibly } from './interrupt.ts';
import { display } from './progress.ts';
import { sayFailures } from './say.ts';
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
Names that the store has already stay as they are there. A run that was interrupted can be made again, beside
a running server as well, and sends the rest (docs/scale-out.md).
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
      return withTiers(config, (tier) => shareBucket({ store, tier, bucket, signal, onProgress }), bucket)
        .then(([done]) => done)
        .finally(() => shown.end());
    });
  await interruptibly('names', async (signal) => {
    const done = await work(signal);
    if (done) tell(bucket, done, options);
    if (signal.aborted) process.exitCode = signalStatus.SIGINT;
  });
}

function tell(bucket: string, done: BucketShared, { json }: Options): void {
  const { names, sent, bytes, same, others, failed } = done;
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
  if (failed.length > 0) process.exitCode = 1;
}
