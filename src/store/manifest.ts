// The manifest of an exported bucket: a line of JSON for each name, with the file of its bytes and what a
// file system cannot record. It is written last.

import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import * as z from 'zod';
import { faultsOf } from '../faults.ts';
import { bucketKindSchema, digestSchema, digestsSchema, fieldMembers } from '../object_schema.ts';

/** The manifest's file in the folder of the export. */
export const manifestName = '.sealgate-export.jsonl';
/** The folder, beside it, of files whose names are no paths of a file system. */
export const sideFolder = '.sealgate-export';

const headerSchema = z.object({
  sealgateExport: z.literal(1),
  bucket: z.string(),
  kind: bucketKindSchema,
});
const lineSchema = z.object({
  name: z.string(),
  /** From the folder of the export, with slashes. */
  file: z.string(),
  digest: digestSchema,
  digests: digestsSchema.optional(),
  size: z.int().min(0),
  mediaType: z.string(),
  ...fieldMembers,
});

export type ManifestHeader = z.infer<typeof headerSchema>;
export type ManifestLine = z.infer<typeof lineSchema>;

/** Bytes of a segment that every file system takes, with the suffix that it has while it is written. */
const maxSegment = 200;

/** The file for a name; undefined: the name is no path that a file system can have. */
export function fileOf(name: string): string | undefined {
  const segments = name.split('/');
  const isPath = segments.every(
    (each) => !['', '.', '..'].includes(each) && Buffer.byteLength(each) <= maxSegment,
  );
  return isPath && segments[0] !== sideFolder && name !== manifestName ? name : undefined;
}

/** The header of a folder's manifest; undefined: the folder has none. */
export async function manifestHeader(folder: string): Promise<ManifestHeader | undefined> {
  for await (const line of linesOf(folder)) return read(headerSchema, line, folder, 1);
  return undefined;
}

/** The names of the manifest, each with the path of its file, which is below the folder, links included. */
export async function* manifestLines(folder: string): AsyncGenerator<ManifestLine & { path: string }> {
  const root = await realpath(folder);
  let number = 0;
  for await (const text of linesOf(folder)) {
    if (++number === 1) continue;
    const line = read(lineSchema, text, folder, number);
    const path = await realpath(join(root, line.file));
    if (!path.startsWith(root + sep))
      throw new Error(`${join(folder, manifestName)}, line ${number}: ${line.file} is not in the folder`);
    yield { ...line, path };
  }
}

/**
 * The files of the names that begin so, of a manifest that is to be replaced: each with its path, below the
 * folder and without links. Lines that cannot be read name none, and files that are gone are left out.
 */
export async function* earlierFiles(
  folder: string,
  prefix: string,
): AsyncGenerator<{ file: string; path: string }> {
  const root = await realpath(folder);
  for await (const text of linesOf(folder)) {
    const line = earlierLine(text);
    if (!line?.name.startsWith(prefix)) continue;
    const path = join(root, line.file);
    const there = await realpath(path).catch(() => undefined);
    if (there === path && path.startsWith(root + sep)) yield { file: line.file, path };
  }
}

function earlierLine(text: string): ManifestLine | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function* linesOf(folder: string): AsyncGenerator<string> {
  const file = await open(join(folder, manifestName)).catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    yield* file.readLines();
  } finally {
    // Node has closed it with its stream; Bun has not, and leaves it to the collection of garbage.
    await file.close();
  }
}

function read<T>(schema: z.ZodType<T>, text: string, folder: string, number: number): T {
  const where = `${join(folder, manifestName)}, line ${number}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${where}: expected JSON`, { cause });
  }
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  throw new Error(`${where}: ${faultsOf(value, found.error)}`);
}
