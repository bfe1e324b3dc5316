// A secret of one line in a file that the configuration names: a token of somebody else's service.

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Config, ConfigError } from '../config/config.ts';
import { readNamedSync, whyUnreadable } from '../regular_file.ts';
import { noCredentials, othersMayRead, secretPathOf } from './secret_path.ts';

/** Most characters. */
const maxSecret = 4096;

/** Throws ConfigError, which tells nothing of the secret. */
export function secretLine(name: string): string {
  const path = secretPathOf(name);
  if (path === undefined) throw new ConfigError(noCredentials(name));
  const text = textOf(path);
  if (othersMayRead(name, statSync(path).mode))
    throw new ConfigError(`${path}: others may read it; run chmod 600 on it`);
  if (text.length <= maxSecret && /^[!-~]+$/.test(text)) return text;
  throw new ConfigError(
    `${path}: expected one line of 1 to ${maxSecret} printable characters without blanks`,
  );
}

function textOf(path: string): string {
  try {
    return readNamedSync(path).trim();
  } catch (cause) {
    if (isAbsent(cause))
      throw new ConfigError(
        `there is no such file below ${folderThereIs(path)}; ` +
          'expected the name of a file with the secret, not the secret itself',
      );
    throw new ConfigError(`${path} cannot be read (${whyUnreadable(cause)})`, { cause });
  }
}

/** What is not there may be a secret that was written in the place of its file's name: nobody repeats it. */
function isAbsent(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((cause as NodeJS.ErrnoException).code ?? '');
}

/** The last folder of a path that there is. */
function folderThereIs(path: string): string {
  let folder = dirname(path);
  while (folder !== dirname(folder) && !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    folder = dirname(folder);
  return folder;
}

/** Throws ConfigError with what is wrong with each file of a purge hook. */
export function checkPurgeSecrets({ hooks }: Config['purge']): void {
  const faults: string[] = [];
  for (const [index, { secret, signingKey }] of hooks.entries())
    for (const [setting, file] of Object.entries({ secret, signingKey })) {
      try {
        if (file !== undefined) secretLine(file);
      } catch (error) {
        faults.push(`purge.hooks.${index}.${setting}: ${(error as Error).message}`);
      }
    }
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
}
