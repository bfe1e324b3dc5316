// why: says what keeps bytes in the store, and since when.

import type { Command } from 'commander';
import { isDigest } from '../digest.ts';
import type { Kept } from '../store/collection.ts';
import type { KnownBlob, Store } from '../store/store.ts';
import {
  find,
  isoTime,
  parseReference,
  type SiteOptions,
  withExamples,
  withSite,
  withStore,
} from './site.ts';

/** Entries that are printed: an empty file may have millions of names. */
const most = 1000;

export function addWhy(program: Command): void {
  const command = withSite(program.command('why'))
    .description('say what keeps bytes in the store, and since when')
    .argument('<what>', 'sha256:HEX or HEX, or BUCKET/NAME for the bytes that the name points at now')
    .option('--json', 'print one JSON object')
    .action(why);
  withExamples(
    command,
    'sealgate why files/old.mp4',
    'sealgate why 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  );
}

async function why(what: string, options: SiteOptions & { json?: true }): Promise<void> {
  await withStore({ ...options, readOnly: true }, (store, { gc }) => {
    const digest = digestOf(store, what);
    const graceMs = gc.graceSeconds * 1000;
    const [known] = store.known({ only: digest });
    if (!known) throw new Error(`sha256:${digest}: there is no such blob`);
    const kept = store.kept(digest, { graceMs, limit: most });
    if (options.json) console.log(JSON.stringify({ ...known, kept }));
    else console.log([`sha256:${digest} ${stateOf(known)}`, ...linesOf(kept)].join('\n'));
  });
}

function stateOf(known: KnownBlob): string {
  return known.state === 'stored' ? known.state : `${known.state}: ${known.why}`;
}

function digestOf(store: Store, what: string): string {
  if (isDigest(what)) return what;
  const reference = parseReference(what);
  return 'digest' in reference ? reference.digest : find(store, what).digest;
}

function linesOf(kept: Kept[]): string[] {
  if (kept.length === 0) return ['  nothing keeps it; it is removed once it is older than gc.graceSeconds'];
  const lines = kept.map((each) => `  ${lineOf(each)}`);
  return kept.length < most ? lines : [...lines, `  and more than these ${most}`];
}

const nameless = {
  upload: 'stored by its digest',
  found: 'its file was there and no name pointed at it',
};

function endText(expires: number | undefined): string {
  if (expires === undefined) return '';
  const isOver = expires <= Date.now();
  const freed = isOver ? '; a grace time later it is deleted on record, and a further one later removed' : '';
  return `, which ${isOver ? 'expired' : 'expires'} on ${isoTime(expires)}${freed}`;
}

function lineOf(kept: Kept): string {
  const since = `since ${isoTime(kept.since)}`;
  if (kept.kind !== 'name') return `${nameless[kept.kind]}, ${since}; kept until it is forgotten`;
  const version = `${kept.bucket}/${kept.name} version ${kept.version}, ${since}`;
  if (kept.isNewest) return `${version}; the newest${endText(kept.expires)}`;
  if (kept.until === undefined) return `${version}; an older one, which its bucket keeps`;
  return `${version}; an older one, which may be removed from ${isoTime(kept.until)} on`;
}
