// The walk over a tree that is imported: its files, as the filter chooses them, and what is left out.

import { access, opendir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Digests } from '../digest.ts';
import { checkedFields, type Said } from '../object_fields.ts';
import type { ImportFilter, Reason } from './import_filter.ts';
import { manifestLines } from './manifest.ts';

/** Entries of a folder that are read at a time. */
const entriesAtATime = 256;

/** A file to import. */
export interface Source {
  path: string;
  /** From the root of the tree, with slashes. */
  relative: string;
  /** What the manifest of an export says of it. */
  told?: Told;
}

export interface Told extends Said {
  /** Digest that the file must have to be imported. */
  digest?: string;
  /** Further digests that it must have, where they are computed. */
  digests?: Digests;
}

/** The files of an export, as its manifest names them. */
export async function* exported(root: string): AsyncGenerator<Source> {
  for await (const line of manifestLines(root)) {
    const { name, path, digest, digests, mediaType, file: _, size: __, ...fields } = line;
    const its = { digest, ...(digests && { digests }) };
    yield { path, relative: name, told: { ...its, mediaType, fields: checkedFields(fields) } };
  }
}

export interface WalkEvents {
  onLeftOut?: (reason: Reason, path: string) => void;
  onFailure?: (path: string, error: unknown) => void;
}

export async function* walk(root: string, filter: ImportFilter, on: WalkEvents): AsyncGenerator<Source> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const path = join(root, folder);
    if (await isStore(path)) {
      on.onLeftOut?.('store', path);
      continue;
    }
    try {
      for await (const entry of await opendir(path, { bufferSize: entriesAtATime })) {
        const relative = folder === '' ? entry.name : `${folder}/${entry.name}`;
        const reason = await reasonAgainst(entry, root, relative, filter);
        if (reason !== undefined) on.onLeftOut?.(reason, join(root, relative));
        else if (entry.isDirectory()) folders.push(relative);
        else yield { path: await pathOf(entry, join(root, relative)), relative };
      }
    } catch (error) {
      on.onFailure?.(path, error);
    }
  }
}

/** The path with links resolved, because files are opened without following links. */
async function pathOf(entry: Entry, path: string): Promise<string> {
  return entry.isSymbolicLink() ? realpath(path) : path;
}

interface Entry {
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

async function reasonAgainst(
  entry: Entry,
  root: string,
  relative: string,
  filter: ImportFilter,
): Promise<Reason | undefined> {
  if (entry.isDirectory()) return filter.folder(relative);
  if (entry.isFile()) return filter.file(relative);
  if (!entry.isSymbolicLink()) return filter.file(relative) ?? 'special';
  const reason = filter.file(relative);
  if (reason !== undefined) return reason;
  return filter.followsLinks ? reasonAgainstLink(root, relative, filter) : 'link';
}

// A link is followed only to a file of the same tree, since nobody asked to import what is outside of it.
async function reasonAgainstLink(
  root: string,
  relative: string,
  filter: ImportFilter,
): Promise<Reason | undefined> {
  const [top, target] = await Promise.all([realpath(root), realpath(join(root, relative)).catch(() => '')]);
  if (!target.startsWith(top + sep)) return 'link';
  const found = await stat(target).catch(() => undefined);
  if (!found?.isFile()) return 'link';
  // The target must not be left out at its own place, nor any folder on the way to it.
  const parts = target.slice(top.length + 1).split(sep);
  const steps = parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
  return steps.map((step) => filter.folder(step)).find((each) => each !== undefined);
}

async function isStore(folder: string): Promise<boolean> {
  const parts = ['blobs/sha256', 'meta/data.mdb'].map((part) => access(join(folder, part)));
  return Promise.all(parts).then(
    () => true,
    () => false,
  );
}
