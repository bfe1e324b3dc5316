// Where a file of a secret is that the configuration names, and who may read it.

import { join } from 'node:path';
import { credentialsFolder } from '../signed_urls.ts';

/** Undefined: it is in the folder of systemd's credentials, and there is none. */
export function secretPathOf(name: string): string | undefined {
  if (!name.startsWith(credentialsFolder)) return name;
  const folder = process.env.CREDENTIALS_DIRECTORY;
  return folder === undefined ? undefined : join(folder, name.slice(credentialsFolder.length));
}

/** What is wrong where secretPathOf() finds no path. */
export function noCredentials(name: string): string {
  return `${name}: CREDENTIALS_DIRECTORY is not set; systemd sets it for LoadCredential=`;
}

/** @param mode of the file. */
export function othersMayRead(name: string, mode: number): boolean {
  // systemd gives a credential to its service by an ACL, whose mask stands in the place of the group's bits.
  const others = name.startsWith(credentialsFolder) ? 0o007 : 0o077;
  return (mode & others) !== 0;
}
