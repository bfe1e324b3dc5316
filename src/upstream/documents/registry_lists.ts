// Lists that a registry sends: the tags of a repository, and what refers to a manifest. Read in the thread of
// documents.

import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { boundedJson } from '../../bounded_json.ts';

/** Entries of a page; what a registry sends beyond them is refused, as it cannot be asked for again. */
const mostTags = 10_000;
const mostReferrers = 5000;

const tag = z.string().regex(/^[\w][\w.-]{0,127}$/);
const tagList = z.object({
  // Some registries say null of an empty repository.
  tags: z
    .array(tag)
    .max(mostTags)
    .nullish()
    .transform((tags) => tags ?? []),
});
const descriptor = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.int().min(0) });
const referrerList = z.object({ manifests: z.array(descriptor).max(mostReferrers) });

/** Undefined: it is no such list. */
export async function tagsIn({ file }: { file: string }): Promise<string[] | undefined> {
  return (await listed(file, tagList))?.tags;
}

/** The descriptors as they came. Undefined: it is no such list. */
export async function referrersIn({
  file,
}: {
  file: string;
}): Promise<z.infer<typeof descriptor>[] | undefined> {
  return (await listed(file, referrerList))?.manifests;
}

async function listed<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await readFile(file);
  try {
    return schema.parse(boundedJson(bytes));
  } catch {
    return undefined;
  }
}
