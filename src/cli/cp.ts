// cp: gives a stored blob a further name, without copying its bytes.

import type { Command } from 'commander';
import { type PlaceOptions, withPlace, writing } from './place.ts';
import { checkBucket, find, parseName, parseReference, withExamples } from './site.ts';

export function addCp(program: Command): void {
  const command = withPlace(program.command('cp'))
    .description('give a stored object another name, without copying its bytes')
    .argument('<from>', 'BUCKET/NAME or sha256:HEX')
    .argument('<to>', 'BUCKET/NAME')
    .action(copy);
  withExamples(command, 'sealgate cp files/v2/app.js live/app.js');
}

async function copy(from: string, to: string, options: PlaceOptions): Promise<void> {
  const source = parseReference(from);
  const target = parseName(to);
  const { outcome, digest } = await writing(options, [target.bucket], {
    onStore: async (store) => {
      checkBucket(store, target.bucket);
      const { digest } = find(store, from);
      const ref = 'digest' in source ? undefined : store.resolve(source.bucket, source.name);
      const about = ref?.deleted === false && {
        digests: ref.digests,
        mediaType: ref.mediaType,
        fields: ref.fields ?? {},
        modified: ref.modified,
      };
      return { digest, outcome: await store.putRef(target.bucket, target.name, { digest, ...about }) };
    },
    onServer: (server) => server.copy(source, target),
  });
  console.log(`${to} ${outcome} sha256:${digest}`);
}
