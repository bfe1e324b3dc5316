// versions: lists the versions of a name. restore: makes one of them the newest.

import type { Command } from 'commander';
import type { Name } from '../objects/objects.ts';
import { olderVersion } from '../objects/older_version.ts';
import { type ShownVersion, shownVersion } from '../protocols/objects/list_versions.ts';
import type { Store, VersionPage } from '../store/store.ts';
import { type PlaceOptions, reading, withPlace, writing } from './place.ts';
import type { RemoteServer } from './remote_server.ts';
import { numberOf } from './say.ts';
import { checkBucket, parseName, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

const pageSize = 1000;

export function addVersions(program: Command): void {
  const command = withPlace(program.command('versions'))
    .description('list the versions of a name that there are, the oldest first')
    .argument('<ref>', 'BUCKET/NAME')
    .option('--json', 'print one JSON object per line')
    .action(list);
  withExamples(command, 'sealgate versions pages/index.html');
}

export function addRestore(program: Command): void {
  const command = withPlace(program.command('restore'))
    .description('make an older version of a name the newest, as a further version')
    .argument('<ref>', 'BUCKET/NAME')
    .requiredOption('--to <version>', "its number, as 'sealgate versions' tells")
    .action(restore);
  withExamples(command, 'sealgate restore pages/index.html --to 3');
}

async function list(ref: string, options: PlaceOptions & { json?: true }): Promise<void> {
  const { bucket, name } = parseName(ref);
  const count = await showVersions({ bucket, name }, options);
  if (count === 0) throw new Error(`${ref}: there is nothing under this name`);
}

/** Prints versions, and resolves with how many. */
export async function showVersions(
  { bucket, ...which }: { bucket: string } & Pick<VersionPage, 'name' | 'prefix'>,
  options: PlaceOptions & { json?: true },
  limit = Number.POSITIVE_INFINITY,
): Promise<number> {
  return reading(options, {
    onStore: (store) => {
      checkBucket(store, bucket);
      return showAll((page) => pageOf(store, bucket, { ...which, ...page }));
    },
    onServer: (server) => showAll((page) => server.versions(bucket, { ...which, ...page })),
  });

  async function showAll(ask: (page: VersionPage) => ShownPage | Promise<ShownPage>): Promise<number> {
    let shown = 0;
    let after: VersionPage['after'];
    do {
      const { versions, next }: ShownPage = await ask({ after, limit: Math.min(limit - shown, pageSize) });
      for (const each of versions)
        console.log(options.json ? JSON.stringify({ bucket, ...each }) : line(each));
      shown += versions.length;
      after = next;
    } while (after !== undefined && shown < limit);
    return shown;
  }
}

type ShownPage = { versions: ShownVersion[]; next?: VersionPage['after'] };

function pageOf(store: Store, bucket: string, page: VersionPage): ShownPage {
  const { entries, next } = store.versions(bucket, page);
  return { versions: entries.map(shownVersion), ...(next && { next }) };
}

function line(shown: ShownVersion): string {
  const when = shown.lastModified.slice(0, 19).replace('T', ' ');
  const what = 'digest' in shown ? [humanBytes(shown.size), shown.digest.slice(0, 12)] : ['deleted', ''];
  const [size = '', digest = ''] = what;
  const expires = 'expires' in shown ? shown.expires : undefined;
  const does = expires !== undefined && Date.parse(expires) <= Date.now() ? 'expired' : 'expires';
  const end = expires === undefined ? '' : `, ${does} ${expires.slice(0, 19).replace('T', ' ')}`;
  const newest = shown.newest ? `  newest${end}` : '';
  const about = `${size.padStart(10)}  ${when}  ${digest.padEnd(12)}`;
  return `${about}  ${shown.name}  version ${shown.version}${newest}`;
}

async function restore(ref: string, options: PlaceOptions & { to: string }): Promise<void> {
  const to = parseName(ref);
  const isCount = (n: number) => Number.isSafeInteger(n) && n >= 1;
  const version = numberOf('--to', options.to, 'a whole number of 1 or more', isCount);
  const { outcome, digest } = await writing(options, [to.bucket], {
    onStore: (store) => restoreHere(store, to, version),
    onServer: (server: RemoteServer) => server.copy(to, to, version),
  });
  console.log(`${ref} ${outcome} sha256:${digest}`);
}

async function restoreHere(store: Store, { bucket, name }: Name, version: number) {
  checkBucket(store, bucket);
  const older = olderVersion(store, { bucket, name }, version);
  const { digest, digests, mediaType, fields = {}, modified } = older;
  const to = { digest, digests, mediaType, fields, modified };
  return { digest, outcome: await store.putRef(bucket, name, to) };
}
