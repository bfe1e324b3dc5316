// backup: a copy of the site's store that is a store itself, also while a server has it open.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { backUp, removeOthers } from '../store/backup.ts';
import { display } from './progress.ts';
import { damagedStatus, sayError, sayFailures } from './say.ts';
import { type SiteOptions, withExamples, withSite, withStore } from './site.ts';
import { humanBytes } from './units.ts';

export function addBackup(program: Command): void {
  const command = withSite(program.command('backup'))
    .description('copy the store, also while a server has it open; again, what is new')
    .argument('<dir>', 'folder that is empty, does not exist, or has an earlier backup of the store')
    .option('--delete', 'remove from an earlier backup what the store has collected or forgotten since')
    .action(run)
    .addHelpText(
      'after',
      `
The copy is a store: serve it with --store DIR, or move it to the place of one that is lost. All that was
acknowledged before the command began is in it. Each file is checked against its digest on the way. Tokens,
certificates and the configuration are not part of the store.
Exit status: ${damagedStatus} when content of the store is damaged or missing, which the copy lacks then.`,
    );
  withExamples(command, 'sealgate backup /backup/store', 'sealgate verify --store /backup/store');
}

async function run(directory: string, options: SiteOptions & { delete?: true }): Promise<void> {
  const to = resolve(directory);
  const shown = display('blobs');
  const result = await withStore({ ...options, readOnly: true }, async (store) => {
    const made = await backUp(store, to, shown.update).finally(shown.end);
    return { ...made, removed: options.delete ? await removeOthers(store, to) : undefined };
  });
  const { blobs, bytes, copied, removed, failures } = result;
  const gone = removed === undefined ? '' : `, ${removed} removed`;
  console.log(`${to} has ${blobs} blobs, ${humanBytes(bytes)}; ${copied} were copied now${gone}`);
  sayFailures(failures.map(({ digest, reason }) => ({ what: `sha256:${digest}`, reason })));
  if (failures.length === 0) return;
  sayError(
    `sealgate: ${failures.length} blobs could not be copied; 'sealgate verify' says what is wrong with ` +
      'them. One that was collected meanwhile is no loss: run the command again.',
  );
  process.exitCode = damagedStatus;
}
