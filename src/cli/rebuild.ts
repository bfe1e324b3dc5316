// rebuild: rebuilds the metadata of a store from its journal and its blobs.

import type { Command } from 'commander';
import { rebuildStore } from '../store/rebuild.ts';
import { sayError } from './say.ts';
import { type SiteOptions, siteConfig, withExamples, withSite } from './site.ts';

/** Milliseconds between two lines of progress. */
const interval = 1000;

export function addRebuild(program: Command): void {
  const command = withSite(program.command('rebuild'))
    .description('rebuild the metadata of a damaged store from its journal and its blobs')
    .action(rebuild);
  withExamples(command, 'sealgate rebuild --config site/sealgate.json');
}

async function rebuild(options: SiteOptions): Promise<void> {
  const { store } = await siteConfig(options);
  let said = performance.now();
  const done = await rebuildStore(store, ({ records, hashed }) => {
    if (performance.now() - said < interval) return;
    said = performance.now();
    sayError(`${records} records read, ${hashed} blobs hashed`);
  });
  console.log(`${done.records} records from the journal, ${done.hashed} blobs that it did not know`);
  if (done.damagedLines > 0)
    console.log(`${done.damagedLines} lines of the journal are not whole; what they said is lost`);
  if (done.withdrawn > 0)
    console.log(`${done.withdrawn} files are not what their names say; they are in quarantine/`);
  console.log(`what was there before is kept in ${done.kept}`);
}
