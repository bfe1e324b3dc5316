// stat: what a name points at.

import type { Command } from 'commander';
import { find, type SiteOptions, withExamples, withSite, withStore } from './site.ts';
import { humanBytes } from './units.ts';

export function addStat(program: Command): void {
  const command = withSite(program.command('stat'))
    .description('say what a name points at, and whether the file passes its proof')
    .argument('<ref>', 'BUCKET/NAME or sha256:HEX')
    .option('--json', 'as one JSON object')
    .action(stat);
  withExamples(command, 'sealgate stat files/index.html', 'sealgate stat --json files/index.html');
}

async function stat(ref: string, options: SiteOptions & { json?: true }): Promise<void> {
  await withStore({ ...options, readOnly: true }, async (store) => {
    const found = find(store, ref);
    const { level } = await store.seal(found.digest);
    const about = { ref, ...found, created: new Date(found.created).toISOString(), sealLevel: level };
    if (options.json) return console.log(JSON.stringify(about));
    console.log(`${ref}
  digest      sha256:${about.digest}
  size        ${about.size} bytes (${humanBytes(about.size)})
  media type  ${about.mediaType}
  written     ${about.created}${about.version === undefined ? '' : `, version ${about.version}`}
  seal level  ${about.sealLevel}`);
  });
}
