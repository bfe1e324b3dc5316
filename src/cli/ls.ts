// ls: lists the names of a bucket in order.

import type { Command } from 'commander';
import type { Listing, Page, Store } from '../store/store.ts';
import { type PlaceOptions, reading, withPlace } from './place.ts';
import type { RemoteServer } from './remote_server.ts';
import { numberOf, UsageError } from './say.ts';
import { checkBucket, declaredKind, isoTime, type Listed, withExamples } from './site.ts';
import { humanBytes } from './units.ts';
import { showVersions } from './versions.ts';

const pageSize = 1000;

export function addLs(program: Command): void {
  const command = withPlace(program.command('ls'))
    .description('list the names of a bucket in order')
    .argument('<bucket[/prefix]>')
    .option('--json', 'print one JSON object per line')
    .option('--delimiter <text>', "list names that are the same up to it, as '/', once")
    .option('--versions', 'list every version of each name, deletions included')
    .option('--limit <n>', 'most names to list')
    .action(ls);
  withExamples(
    command,
    'sealgate ls files',
    'sealgate ls files/video/ --json --limit 10',
    "sealgate ls files/video/ --delimiter '/'",
    'sealgate ls files --server https://files.example.org',
  );
}

interface Options extends PlaceOptions {
  json?: true;
  delimiter?: string;
  versions?: true;
  limit?: string;
}

async function ls(where: string, options: Options): Promise<void> {
  const slash = where.indexOf('/');
  const bucket = slash < 0 ? where : where.slice(0, slash);
  const prefix = slash < 0 ? '' : where.slice(slash + 1);
  const atLeastOne = (n: number) => Number.isInteger(n) && n >= 1;
  const limit =
    options.limit === undefined
      ? Number.POSITIVE_INFINITY
      : numberOf('--limit', options.limit, 'a whole number of 1 or more', atLeastOne);
  const { delimiter } = options;
  if (options.versions) {
    if (delimiter !== undefined) throw new UsageError('--versions: not with --delimiter');
    await showVersions({ bucket, prefix }, options, limit);
    return;
  }
  const show = (entry: Shown) =>
    console.log(options.json ? JSON.stringify({ bucket, ...entry }) : line(entry));
  await reading(options, {
    onStore: (store, config) => {
      if (!store.bucket(bucket) && declaredKind(config, bucket)) return;
      checkBucket(store, bucket);
      return showAll(
        limit,
        (after) => localPage(store, bucket, { prefix, delimiter, after, limit: pageSize }),
        show,
      );
    },
    onServer: (server) => showAll(limit, pages(server, bucket, { prefix, delimiter }, limit), show),
  });
}

export type ListedPage = { entries: Listed[]; prefixes?: string[]; next?: string };
/** A line of the listing: a name, or the common prefix of several. */
type Shown = Listed | { prefix: string };
const textOf = (shown: Shown) => ('prefix' in shown ? shown.prefix : shown.name);

async function showAll(
  limit: number,
  page: (after: string) => ListedPage | Promise<ListedPage>,
  show: (entry: Shown) => void,
): Promise<void> {
  let left = limit;
  let after: string | undefined = '';
  while (after !== undefined) {
    const { entries, prefixes = [], next }: ListedPage = await page(after);
    for (const entry of inOrder([...entries, ...prefixes.map((prefix) => ({ prefix }))])) {
      if (left-- <= 0) return;
      show(entry);
    }
    after = next;
  }
}

function inOrder(shown: Shown[]): Shown[] {
  const bytes = new Map(shown.map((each) => [each, Buffer.from(textOf(each))]));
  return shown.sort((a, b) => Buffer.compare(bytes.get(a) as Buffer, bytes.get(b) as Buffer));
}

export function localPage(store: Store, bucket: string, at: Page): ListedPage {
  const { entries, prefixes, next } = store.list(bucket, at);
  return { entries: entries.map(listed), prefixes, ...(next !== undefined && { next }) };
}

function listed({ created, date, fields, expires, ...entry }: Listing['entries'][number]): Listed {
  const end = expires === undefined ? {} : { expires: isoTime(expires) };
  return { ...entry, ...fields, lastModified: isoTime(date ?? created), ...end };
}

function pages(server: RemoteServer, bucket: string, how: Pick<Page, 'prefix' | 'delimiter'>, limit: number) {
  return (after: string) => server.list(bucket, { ...how, after, limit: Math.min(limit, pageSize) });
}

function line(shown: Shown): string {
  // As wide as size, time and digest.
  if ('prefix' in shown) return `${' '.repeat(47)}${shown.prefix}`;
  const { name, size, lastModified, digest } = shown;
  const when = lastModified.slice(0, 19).replace('T', ' ');
  return `${humanBytes(size).padStart(10)}  ${when}  ${digest.slice(0, 12)}  ${name}`;
}
