// ls: lists the names of a bucket in order.

import type { Command } from 'commander';
import type { Listing, Store } from '../store/store.ts';
import { type PlaceOptions, reading, withPlace } from './place.ts';
import type { RemoteServer } from './remote_server.ts';
import { numberOf } from './say.ts';
import { checkBucket, declaredKind, isoTime, type Listed, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

const pageSize = 1000;

export function addLs(program: Command): void {
  const command = withPlace(program.command('ls'))
    .description('list the names of a bucket in order')
    .argument('<bucket[/prefix]>')
    .option('--json', 'print one JSON object per line')
    .option('--limit <n>', 'most names to list')
    .action(ls);
  withExamples(
    command,
    'sealgate ls files',
    'sealgate ls files/video/ --json --limit 10',
    'sealgate ls files --server https://files.example.org',
  );
}

async function ls(where: string, options: PlaceOptions & { json?: true; limit?: string }): Promise<void> {
  const slash = where.indexOf('/');
  const bucket = slash < 0 ? where : where.slice(0, slash);
  const prefix = slash < 0 ? '' : where.slice(slash + 1);
  const atLeastOne = (n: number) => Number.isInteger(n) && n >= 1;
  const limit =
    options.limit === undefined
      ? Number.POSITIVE_INFINITY
      : numberOf('--limit', options.limit, 'a whole number of 1 or more', atLeastOne);
  const show = (entry: Listed) =>
    console.log(options.json ? JSON.stringify({ bucket, ...entry }) : line(entry));
  await reading(options, {
    onStore: (store, config) => {
      if (!store.bucket(bucket) && declaredKind(config, bucket)) return;
      checkBucket(store, bucket);
      return showAll(limit, (after) => localPage(store, bucket, { prefix, after, limit: pageSize }), show);
    },
    onServer: (server) => showAll(limit, pages(server, bucket, prefix, limit), show),
  });
}

type Page = { entries: Listed[]; next?: string };

async function showAll(
  limit: number,
  page: (after: string) => Page | Promise<Page>,
  show: (entry: Listed) => void,
): Promise<void> {
  let left = limit;
  let after: string | undefined = '';
  while (after !== undefined) {
    const { entries, next }: Page = await page(after);
    for (const entry of entries) {
      if (left-- <= 0) return;
      show(entry);
    }
    after = next;
  }
}

function localPage(store: Store, bucket: string, at: Parameters<Store['list']>[1]): Page {
  const { entries, next } = store.list(bucket, at);
  return { entries: entries.map(listed), ...(next !== undefined && { next }) };
}

function listed({ created, date, fields, ...entry }: Listing['entries'][number]): Listed {
  return { ...entry, ...fields, lastModified: isoTime(date ?? created) };
}

function pages(server: RemoteServer, bucket: string, prefix: string, limit: number) {
  return (after: string) => server.list(bucket, { prefix, after, limit: Math.min(limit, pageSize) });
}

function line({ name, size, lastModified, digest }: Listed): string {
  const when = lastModified.slice(0, 19).replace('T', ' ');
  return `${humanBytes(size).padStart(10)}  ${when}  ${digest.slice(0, 12)}  ${name}`;
}
