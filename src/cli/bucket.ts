// bucket: makes and lists buckets.

import type { Command } from 'commander';
import { checkBucketName } from '../store/names.ts';
import type { BucketKind } from '../store/store.ts';
import { type SiteOptions, withSite, withStore } from './site.ts';

export function addBucket(program: Command): void {
  const bucket = program.command('bucket').description('make and list buckets');
  withSite(bucket.command('create'))
    .description('make a bucket; its kind stays')
    .argument('<name>')
    .option(
      '--kind <kind>',
      'write-once: a name never changes its bytes; versioned: the newest wins',
      'write-once',
    )
    .action(create);
  withSite(bucket.command('list')).description('list the buckets').action(list);
}

async function create(name: string, options: SiteOptions & { kind: BucketKind }): Promise<void> {
  checkBucketName(name);
  if (options.kind !== 'write-once' && options.kind !== 'versioned') {
    throw new Error(`--kind: expected write-once or versioned, got ${options.kind}`);
  }
  await withStore({ ...options, readOnly: false }, (store) => store.createBucket(name, options.kind));
}

async function list(options: SiteOptions): Promise<void> {
  await withStore({ ...options, readOnly: true }, (store) => {
    for (const { name, kind } of store.buckets()) console.log(`${kind.padEnd(10)}  ${name}`);
  });
}
