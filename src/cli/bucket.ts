// bucket: makes and lists buckets.

import type { Command } from 'commander';
import { checkBucketName } from '../store/names.ts';
import { parseKind, type SiteOptions, withExamples, withSite, withStore } from './site.ts';

export function addBucket(program: Command): void {
  const bucket = program.command('bucket').description('make and list buckets');
  withExamples(
    bucket,
    'sealgate bucket create releases',
    'sealgate bucket create --kind versioned pages',
    'sealgate bucket list',
  );
  const creating = withSite(bucket.command('create'))
    .description('make a bucket; its kind stays')
    .argument('<name>')
    .option(
      '--kind <kind>',
      'write-once: a name never changes its bytes; versioned: the newest wins',
      'write-once',
    )
    .action(create);
  withExamples(creating, 'sealgate bucket create --kind versioned pages');
  const listing = withSite(bucket.command('list')).description('list the buckets').action(list);
  withExamples(listing, 'sealgate bucket list --config site/sealgate.json');
}

async function create(name: string, options: SiteOptions & { kind: string }): Promise<void> {
  checkBucketName(name);
  const kind = parseKind(options.kind) ?? 'write-once';
  await withStore({ ...options, readOnly: false }, (store) => store.createBucket(name, kind));
}

async function list(options: SiteOptions): Promise<void> {
  await withStore({ ...options, readOnly: true }, (store) => {
    for (const { name, kind } of store.buckets()) console.log(`${kind.padEnd(10)}  ${name}`);
  });
}
