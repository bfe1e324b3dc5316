// The flags of `import` that select files, and the site's own files, which are never imported.

import { access, realpath } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { type Choice, ImportFilter, type Reason, reasons } from '../store/import_filter.ts';
import { UsageError } from './say.ts';
import type { SiteOptions } from './site.ts';

export interface ChoiceOptions {
  exclude: string[];
  include: string[];
  hidden?: true;
  links?: true;
  publishSecrets?: true;
}

export function withChoice(command: Command): Command {
  const collect = (glob: string, before: string[]) => [...before, glob];
  return command
    .option(
      '--exclude <glob>',
      "leave these files out, for example '*.tmp' or 'drafts/**'; may be repeated",
      collect,
      [],
    )
    .option('--include <glob>', 'import only these files; may be repeated; --exclude wins', collect, [])
    .option('--hidden', 'include files and folders whose names begin with a dot')
    .option('--links', 'follow symbolic links to files inside the tree')
    .option('--publish-secrets', 'include files that look like private keys, tokens or passwords');
}

/** Throws when the directory is the site's own folder, or is inside its store. */
export async function choiceOf(
  directory: string,
  options: ChoiceOptions & SiteOptions,
  config: Config,
): Promise<Choice> {
  const { store, folder, files } = await ownPaths(options, config);
  const root = await realpath(directory);
  if (root === folder || `${root}${sep}`.startsWith(`${store}${sep}`)) {
    const what = root === folder ? 'is the folder of this site' : 'is in the store of this site';
    throw new Error(`${directory}: ${what}, with what must not be published; import a folder of content`);
  }
  const { exclude, include, hidden = false, links = false, publishSecrets = false } = options;
  const own = [store, folder, ...files].filter((path) => path !== undefined);
  const choice = { exclude, include, hidden, links, secrets: publishSecrets, own };
  try {
    new ImportFilter(choice, root);
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
  return choice;
}

/** The real paths of the site's files that exist. */
async function ownPaths({ config: given }: SiteOptions, config: Config) {
  const file = resolve(given ?? process.env.SEALGATE_CONFIG ?? 'sealgate.json');
  const hasFile = await access(file).then(
    () => true,
    () => false,
  );
  const { tls, control, auth, log } = config;
  const keys = [tls.key, control.key, ...tls.certificates.map(({ key }) => key)];
  const files = [file, ...keys, auth.tokens, control.audit, log.access].filter((path) => path.includes(sep));
  const real = (path: string) => realpath(path).catch(() => undefined);
  return {
    store: await real(config.store),
    folder: hasFile ? await real(dirname(file)) : undefined,
    files: await Promise.all(files.map(real)),
  };
}

/** One line for each reason why files were left out. */
export function leftOutLines(leftOut: Partial<Record<Reason, number>>): string[] {
  return Object.entries(leftOut).map(([reason, count]) => `${count} ${reasons[reason as Reason]}`);
}
