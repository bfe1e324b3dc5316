// rm: a deletion, as a further version of a name.

import type { Command } from 'commander';
import { type PlaceOptions, withPlace, writing } from './place.ts';
import { checkBucket, parseName, withExamples } from './site.ts';

export function addRm(program: Command): void {
  const command = withPlace(program.command('rm'))
    .description("delete names; the bytes stay in the store, see 'sealgate forget'")
    .argument('<ref...>', 'BUCKET/NAME')
    .option('-f, --force', 'a name with nothing under it is no failure')
    .action(remove);
  withExamples(command, 'sealgate rm files/old.mp4', 'sealgate rm --force live/a live/b');
}

async function remove(refs: string[], options: PlaceOptions & { force?: true }): Promise<void> {
  const names = refs.map((ref) => ({ ref, ...parseName(ref) }));
  const missing = await writing(options, {
    onStore: async (store) => {
      for (const { bucket } of names) checkBucket(store, bucket);
      return without(names, ({ bucket, name }) => store.deleteRef(bucket, name));
    },
    onServer: (server) => without(names, ({ bucket, name }) => server.remove(bucket, name)),
  });
  if (missing.length > 0 && !options.force)
    throw new Error(missing.map(({ ref }) => `${ref}: there is nothing under this name`).join('\n'));
}

/** Those whose removal found nothing. */
async function without<N>(names: N[], remove: (name: N) => Promise<boolean>): Promise<N[]> {
  const missing: N[] = [];
  for (const name of names) if (!(await remove(name))) missing.push(name);
  return missing;
}
