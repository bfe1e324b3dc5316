// repo: the repositories of the registries of a running server: what they have, why they keep it, and what of
// it is removed.

import type { Command } from 'commander';
import type { KeptIn, RepositoryView, TagView, Upkept } from '../protocols/oci/operating.ts';
import type { Removed } from '../protocols/oci/removal.ts';
import type { UpkeptRepository } from '../protocols/oci/upkeep.ts';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { sayError, UsageError } from './say.ts';
import { isoTime, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

type Options = ControlOptions & { json?: true };
type Changing = Options & { dryRun?: true; yes?: true; why?: string };

export function addRepo(program: Command): void {
  const command = program
    .command('repo')
    .description('repositories of container images in a running server; what they have, and what goes');
  const add = (name: string, what: string) =>
    withControl(command.command(name)).description(what).option('--json', 'print one JSON object per line');
  withExamples(
    add('ls', 'list repositories with their sizes; with a repository, its tags')
      .argument('[bucket/repository]')
      .action(ls),
    'sealgate repo ls',
    'sealgate repo ls images/team-a/app --json',
  );
  withExamples(
    add('rm', 'remove a tag, a manifest, or a whole repository')
      .argument('<what>', 'BUCKET/REPOSITORY:TAG, BUCKET/REPOSITORY@sha256:HEX or BUCKET/REPOSITORY')
      .option('--dry-run', 'only say what would be removed')
      .option('--yes', 'remove it; without it nothing is removed')
      .option('--why <text>', 'the reason, for the audit log')
      .action(rm)
      .addHelpText(
        'after',
        '\nWhat refers to a manifest goes with it. Layers that no manifest names then go after the grace\n' +
          'time of the registry, with a repository ' +
          'at once.\nExit status: 1 when nothing was removed for want of --yes.',
      ),
    'sealgate repo rm images/team-a/app:v1 --dry-run',
    "sealgate repo rm images/team-a/old --yes --why 'moved'",
  );
  withExamples(
    add('why', 'say which manifests and tags keep a blob in which repositories')
      .argument('<digest>', 'sha256:HEX or HEX')
      .action(why),
    'sealgate repo why sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  );
  withExamples(
    add('tidy', 'remove what nothing needs, by the rules of sites; a server does it by itself')
      .argument('[bucket/repository]')
      .option('--dry-run', 'only say what would be removed')
      .option('--why <text>', 'the reason, for the audit log')
      .action(tidy)
      .addHelpText('after', '\nExit status: 1 when a repository could not be tidied.'),
    'sealgate repo tidy --dry-run',
  );
  withExamples(command, 'sealgate repo ls', 'sealgate repo rm images/team-a/app:v1 --yes');
}

interface Place {
  bucket: string;
  repository: string;
  reference?: string;
}

const placePattern = /^([^/:@]+)\/([^:@]+)(?::([^:@]+)|@((?:sha256|sha512):[0-9a-f]+))?$/;

function placeOf(text: string, mayRefer: boolean): Place {
  const [, bucket, repository, tag, digest] = placePattern.exec(text) ?? [];
  const reference = tag ?? digest;
  if (bucket === undefined || repository === undefined || (reference !== undefined && !mayRefer)) {
    const more = mayRefer ? ', BUCKET/REPOSITORY:TAG or BUCKET/REPOSITORY@sha256:HEX' : '';
    throw new UsageError(`expected BUCKET/REPOSITORY${more}, got '${text}'`);
  }
  return { bucket, repository, ...(reference !== undefined && { reference }) };
}

async function ls(where: string | undefined, options: Options): Promise<void> {
  const place = where === undefined ? undefined : placeOf(where, false);
  const client = await ControlClient.of(options);
  if (place) {
    const query = new URLSearchParams({ ...place });
    const { tags } = await client.get<{ tags: TagView[] }>(`/repositories/tags?${query}`);
    for (const { pushed, ...tag } of tags)
      console.log(
        options.json
          ? JSON.stringify({ ...tag, pushed: isoTime(pushed) })
          : [humanBytes(tag.bytes).padStart(10), minute(pushed), tag.digest, tag.tag].join('  '),
      );
    return;
  }
  let count = 0;
  for (let after: string | undefined = ''; after !== undefined; ) {
    const query = new URLSearchParams({ after });
    const page: { repositories: RepositoryView[]; next?: string } = await client.get(
      `/repositories?${query}`,
    );
    for (const each of page.repositories)
      console.log(options.json ? JSON.stringify(withDates(each)) : lineOf(each));
    count += page.repositories.length;
    after = page.next;
  }
  if (count === 0) sayError("there are no repositories; they are in sites of the protocol 'oci'");
}

const minute = (at: number | undefined) =>
  (at === undefined ? '-' : isoTime(at).slice(0, 16).replace('T', ' ')).padEnd(16);

function withDates({ pushed, pulled, ...others }: RepositoryView): object {
  return {
    ...others,
    ...(pushed !== undefined && { pushed: isoTime(pushed) }),
    ...(pulled !== undefined && { pulled: isoTime(pulled) }),
  };
}

function lineOf({ bucket, repository, tags, bytes, totalBytes, pushed, pulls }: RepositoryView): string {
  return [
    ...[humanBytes(bytes).padStart(10), `of ${humanBytes(totalBytes)}`.padEnd(14)],
    ...[`${tags} tags`.padStart(9), `pushed ${minute(pushed)}`, pullText(pulls)],
    `${bucket}/${repository}`,
  ].join('  ');
}

const pullText = (pulls: number | undefined) => (pulls === undefined ? '' : `${pulls} pulls`).padStart(11);

async function rm(what: string, { dryRun, yes, why, ...options }: Changing): Promise<void> {
  const place = placeOf(what, true);
  const client = await ControlClient.of(options);
  const isDone = yes === true && dryRun !== true;
  const asked = { ...place, yes: isDone, ...(why !== undefined && { why }) };
  const removed = await client.post<Removed>('/repositories/remove', asked);
  if (options.json) console.log(JSON.stringify({ removed: isDone, ...removed }));
  else console.log(removalText(removed, isDone));
  if (isDone || dryRun) return;
  sayError('nothing was removed; say --yes to do so');
  process.exitCode = 1;
}

function removalText({ tags, manifests, blobs, bytes }: Removed, isDone: boolean): string {
  const counted = [`${tags.length} tags`, `${manifests.length} manifests`, `${blobs} layers that`].join(', ');
  const done = isDone ? 'removed' : 'would be removed';
  const head = `${counted} nothing else names, ${humanBytes(bytes)} ${done}`;
  return [head, ...tags.map((tag) => `  tag ${tag}`), ...manifests.map((each) => `  ${each}`)].join('\n');
}

async function why(what: string, options: Options): Promise<void> {
  const digest = /^(?:sha256:)?([0-9a-f]{64})$/.exec(what)?.[1];
  if (digest === undefined) throw new UsageError(`expected sha256:HEX or HEX, got '${what}'`);
  const client = await ControlClient.of(options);
  const { kept } = await client.get<{ kept: KeptIn[] }>(`/repositories/why?digest=${digest}`);
  for (const each of kept) console.log(options.json ? JSON.stringify(each) : keptText(each));
  if (kept.length === 0) sayError(`no repository has sha256:${digest}`);
}

function keptText({ bucket, repository, kind, manifests, unneeded }: KeptIn): string {
  const since = unneeded === undefined ? '' : `; nothing needs it since ${isoTime(unneeded)}`;
  const lines = manifests.map(({ digest, tags }) => {
    const by = kind === 'manifest' ? 'it is' : 'named by';
    return `  ${by} ${digest}, ${tags.length > 0 ? `tagged ${tags.join(', ')}` : 'without a tag'}`;
  });
  return [`${bucket}/${repository} has it as a ${kind}${since}`, ...lines].join('\n');
}

async function tidy(where: string | undefined, { dryRun, why, ...options }: Changing): Promise<void> {
  const place = where === undefined ? undefined : placeOf(where, false);
  const client = await ControlClient.of(options);
  const asked = {
    dryRun: dryRun === true,
    ...(place && { only: { bucket: place.bucket, name: place.repository } }),
    ...(why !== undefined && { why }),
  };
  const done = await client.post<Upkept>('/repositories/tidy', asked);
  const { dryRun: isDry } = done;
  for (const each of done.repositories)
    console.log(options.json ? JSON.stringify({ dryRun: isDry, ...each }) : upkeptText(each, isDry));
  if (done.more > 0) sayError(`and ${done.more} further repositories`);
  if (!options.json && done.repositories.length === 0) console.log('nothing is to be removed');
  if (done.repositories.some(({ fault }) => fault !== undefined)) process.exitCode = 1;
}

function upkeptText(each: UpkeptRepository, dryRun: boolean): string {
  const { bucket, repository, tags, manifests, blobs, bytes, waiting, fault } = each;
  const done = dryRun ? 'would go' : 'gone';
  return [
    `${bucket}/${repository}: ${tags.length} tags, ${manifests.length} manifests and ${blobs} layers of ` +
      `${humanBytes(bytes)} ${done}`,
    ...(waiting.manifests + waiting.blobs > 0
      ? [
          `  ${waiting.manifests} manifests and ${waiting.blobs} layers of ` +
            `${humanBytes(waiting.bytes)} wait for their time`,
        ]
      : []),
    ...tags.map((tag) => `  tag ${tag}`),
    ...manifests.map((digest) => `  ${digest}`),
    ...(fault === undefined ? [] : [`  not tidied: ${fault}`]),
  ].join('\n');
}
