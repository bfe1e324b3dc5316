// rm: deletes names. A deletion is a further version of a name.

import type { Command } from 'commander';
import { type PlaceOptions, withPlace, writing } from './place.ts';
import { checkBucket, parseName, withExamples } from './site.ts';

export function addRm(program: Command): void {
  const command = withPlace(program.command('rm'))
    .description("delete names; 'sealgate gc' frees their bytes, unless the bucket keeps versions")
    .argument('<ref...>', 'BUCKET/NAME')
    .option('-f, --force', 'ignore names that do not exist')
    .action(remove);
  withExamples(command, 'sealgate rm files/old.mp4', 'sealgate rm --force live/a live/b');
}

async function remove(refs: string[], options: PlaceOptions & { force?: true }): Promise<void> {
  const names = refs.map((ref) => ({ ref, ...parseName(ref) }));
  const buckets = names.map(({ bucket }) => bucket);
  const missing = await writing(options, buckets, {
    onStore: async (store) => {
      for (const { bucket } of names) checkBucket(store, bucket);
      return without(names, ({ bucket, name }) => store.deleteRef(bucket, name));
    },
    onServer: (server) => without(names, ({ bucket, name }) => server.remove(bucket, name)),
  });
  if (missing.length > 0 && !options.force)
    throw new Error(missing.map(({ ref }) => `${ref}: there is nothing under this name`).join('\n'));
}

/** The names for which there was nothing to delete. */
async function without<N>(names: N[], remove: (name: N) => Promise<boolean>): Promise<N[]> {
  const missing: N[] = [];
  for (const name of names) if (!(await remove(name))) missing.push(name);
  return missing;
}
