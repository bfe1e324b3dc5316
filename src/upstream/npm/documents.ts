// What the thread that reads documents does with packuments of npm: whole ones are read and rewritten.

import { readFileSync } from 'node:fs';
import { addon, type Hashed } from '../../native/addon.ts';
import { setNewest } from '../../newest_map.ts';
import { Denied, withDocument, withTag } from './changed.ts';
import { derivedOf, type Index, parsedPackument, Refused } from './packument.ts';
import type {
  ChangeResult,
  ChangeTask,
  DeriveResult,
  DeriveTask,
  FindResult,
  FindTask,
  Staged,
  TagsTask,
} from './tasks.ts';

function write({ path, digests }: Staged, bytes: Buffer): Promise<Hashed> {
  const file = addon.stagedFile(path, { expected: bytes.length, digests });
  file.write(bytes);
  return file.finish();
}

const written = (to: Staged, value: unknown) => write(to, Buffer.from(JSON.stringify(value)));

export async function derivePackument(task: DeriveTask): Promise<DeriveResult> {
  try {
    const { name, base, before } = task;
    const known = before === undefined ? {} : readIndex(before);
    const derived = derivedOf(parsedPackument(readFileSync(task.file), name), base, known);
    return {
      full: await written(task.full, derived.full),
      abbreviated: await written(task.abbreviated, derived.abbreviated),
      index: await written(task.index, derived.index),
      changed: derived.changed.slice(0, 100),
    };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    throw error;
  }
}

/** The indexes that were read last, by their files, which never change. */
const indexes = new Map<string, Index>();
const mostIndexes = 8;

function readIndex(path: string): Index {
  const known = indexes.get(path);
  if (known) return known;
  const index: Index = JSON.parse(readFileSync(path, 'utf8'));
  setNewest(indexes, path, index, mostIndexes);
  return index;
}

export function findTarball({ index, file }: FindTask): FindResult {
  const all = readIndex(index);
  const dist = Object.hasOwn(all, file) ? all[file] : undefined;
  return dist?.isGone ? undefined : dist;
}

export function tagsOf({ file, name }: TagsTask): Record<string, string> {
  return parsedPackument(readFileSync(file), name)['dist-tags'];
}

export async function changePackument(task: ChangeTask): Promise<ChangeResult> {
  try {
    const { change: asked, name, current: file } = task;
    const current = file === undefined ? undefined : parsedPackument(readFileSync(file), name);
    const about = { ...task, current };
    if (asked.kind === 'tag')
      return { packument: await written(task.packument, withTag(asked.tag, asked.version, about)) };
    const { packument, tarball } = withDocument(readFileSync(asked.body), about);
    // What would not be read again is not written.
    parsedPackument(Buffer.from(JSON.stringify(packument)), name);
    const next = await written(task.packument, packument);
    if (!tarball) return { packument: next };
    const body = await write(task.tarball, tarball.bytes);
    return { packument: next, tarball: { version: tarball.version, body } };
  } catch (error) {
    if (error instanceof Denied) return { refused: error.message, status: error.status };
    if (error instanceof Refused) return { refused: error.message, status: 400 };
    throw error;
  }
}
