// The folder of site files that a configuration names (`sitesFolder`): one site a file, or a list of them, so
// that tools add and remove sites without editing a file that others edit.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular, whyUnreadable } from '../regular_file.ts';

/** Files of a folder, and bytes of one. */
const maxFiles = 1000;
const maxBytes = 1024 * 1024;

/** Where a site of the configuration was read. */
export interface SiteOrigin {
  file: string;
  /** Its place in the list of the file; undefined: the file is the site. */
  index: number | undefined;
}

export interface FolderSites {
  sites: unknown[];
  /** Of each of them. */
  origins: SiteOrigin[];
}

/** A file that is no site, or a folder that is none: the message names it. */
export class SitesFolderError extends Error {}

/**
 * The sites in the folder's files `*.json`, by name of the file; others, and hidden ones, are none. Rejects
 * with SitesFolderError.
 * @param parse throws when the text is no JSON; what it throws says where.
 */
export async function readSitesFolder(
  folder: string,
  parse: (file: string, text: string) => unknown,
): Promise<FolderSites> {
  const all: FolderSites = { sites: [], origins: [] };
  for (const file of await filesIn(folder)) {
    const given = parse(file, await textOf(file));
    const isList = Array.isArray(given);
    for (const [index, site] of (isList ? given : [given]).entries()) {
      all.sites.push(site);
      all.origins.push({ file, index: isList ? index : undefined });
    }
  }
  return all;
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause) => {
    throw new SitesFolderError(
      `${folder}: cannot be read (${whyUnreadable(cause)}); make it, or leave sitesFolder out`,
    );
  });
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  if (files.length > maxFiles)
    throw new SitesFolderError(
      `${folder}: expected at most ${maxFiles} files of sites, found ${files.length}; put several into one`,
    );
  return files.sort().map((name) => join(folder, name));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readRegular(file, maxBytes);
  } catch (cause) {
    const { message } = cause as Error;
    throw new SitesFolderError(
      message.startsWith(file) ? message : `${file}: cannot be read (${whyUnreadable(cause)})`,
    );
  }
}
