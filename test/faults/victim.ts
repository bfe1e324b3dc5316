// A program that stores so many names at once in the bucket `files` of the store at ROOT, and prints what
// became of each: its outcome, or the code of its error. Run with `ROOT COUNT PREFIX`.

import { writeFileSync } from 'node:fs';
import { addon } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';

const [, , root = '', count = '', prefix = ''] = process.argv;
const store = await openStore({ root });
const staged = Array.from({ length: Number(count) }, (_, i) => {
  const staging = store.stagingPath();
  const source = `${root}.source`;
  writeFileSync(source, `bytes ${i} of ${prefix}`);
  return {
    name: `${prefix}/${i}`,
    isOneOfMany: true as const,
    staging,
    ...addon.importFile(source, staging),
  };
});
process.stderr.write('staged\n');
const settled = await Promise.allSettled(
  staged.map(({ name, ...arrived }) => store.putObject('files', name, arrived, { mediaType: 'text/plain' })),
);
process.stdout.write(
  JSON.stringify(settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code))),
);
await store.close();
