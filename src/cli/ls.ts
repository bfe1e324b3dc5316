// ls: names in order.

import type { Command } from 'commander';
import type { Listing, Store } from '../store/store.ts';
import { checkBucket, type SiteOptions, withExamples, withSite, withStore } from './site.ts';
import { humanBytes } from './units.ts';

const pageSize = 1000;

export function addLs(program: Command): void {
  const command = withSite(program.command('ls'))
    .description('list names in order')
    .argument('<bucket[/prefix]>')
    .option('--json', 'one JSON object a line')
    .option('--limit <n>', 'stop after so many')
    .action(ls);
  withExamples(command, 'sealgate ls files', 'sealgate ls files/video/ --json --limit 10');
}

async function ls(where: string, options: SiteOptions & { json?: true; limit?: string }): Promise<void> {
  const slash = where.indexOf('/');
  const bucket = slash < 0 ? where : where.slice(0, slash);
  const prefix = slash < 0 ? '' : where.slice(slash + 1);
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(limit >= 1)) throw new Error(`--limit: expected a number of 1 or more, got ${options.limit}`);
  await withStore({ ...options, readOnly: true }, (store) => {
    checkBucket(store, bucket);
    let left = limit;
    for (const entry of entries(store, bucket, prefix)) {
      if (left-- <= 0) return;
      console.log(options.json ? JSON.stringify({ bucket, ...entry }) : line(entry));
    }
  });
}

function* entries(store: Store, bucket: string, prefix: string): Generator<Listing['entries'][number]> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: Listing = store.list(bucket, { prefix, after, limit: pageSize });
    yield* page.entries;
    after = page.next;
  }
}

function line({ name, size, created, digest }: Listing['entries'][number]): string {
  const when = new Date(created).toISOString().slice(0, 19).replace('T', ' ');
  return `${humanBytes(size).padStart(10)}  ${when}  ${digest.slice(0, 12)}  ${name}`;
}
