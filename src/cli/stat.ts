// stat: shows the object that a name points at.

import type { Command } from 'commander';
import { namesOf } from '../digest.ts';
import { checkKept } from './blob_file.ts';
import { fieldLines } from './field_flags.ts';
import { type PlaceOptions, reading, withPlace } from './place.ts';
import { type Found, find, parseReference, withExamples } from './site.ts';
import { humanBytes } from './units.ts';

export function addStat(program: Command): void {
  const command = withPlace(program.command('stat'))
    .description('show the object under a name; in a local store also verify its seal')
    .argument('<ref>', 'BUCKET/NAME or sha256:HEX')
    .option('--json', 'print one JSON object')
    .action(stat);
  withExamples(
    command,
    'sealgate stat files/index.html',
    'sealgate stat --json files/index.html',
    'sealgate stat files/index.html --server https://files.example.org',
  );
}

async function stat(ref: string, options: PlaceOptions & { json?: true }): Promise<void> {
  const reference = parseReference(ref);
  const about = await reading<Found & { sealLevel?: string }>(options, {
    onStore: async (store) => {
      const found = find(store, ref);
      checkKept(store, found.digest, `${ref}: `);
      const { level } = await store.prove(found.digest);
      return { ...found, sealLevel: level };
    },
    onServer: async (server) => {
      const found = await server.find(reference);
      if (!found) throw new Error(`${ref}: ${server.url} has nothing under this name, or nothing any more`);
      return found;
    },
  });
  if (options.json) return console.log(JSON.stringify({ ref, ...about }));
  const version = about.version === undefined ? '' : `, version ${about.version}`;
  const lines = [
    ['digest', `sha256:${about.digest}`],
    ...namesOf(about.digests).map((name) => [name, about.digests?.[name]]),
    ['size', `${about.size} bytes (${humanBytes(about.size)})`],
    ['media type', about.mediaType],
    ...fieldLines(about),
    ...(about.lastModified === undefined ? [] : [['modified', `${about.lastModified}${version}`]]),
    ...(about.expires === undefined ? [] : [['expires', about.expires]]),
    ...(about.sealLevel === undefined ? [] : [['seal level', about.sealLevel]]),
  ];
  console.log([ref, ...lines.map(([name = '', value]) => `  ${`${name} `.padEnd(12)}${value}`)].join('\n'));
}
