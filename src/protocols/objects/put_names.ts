// PUT /o/{bucket}/: many names of a bucket change at once, to bytes that are stored. A release of a web site,
// a playlist with its variants, an index with its signature: nobody sees a mixture of the old and the new.

import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { EngineRequest } from '../../engine/engine_request.ts';
import { receive, respondJson } from '../../engine/plan.ts';
import { SealgateError } from '../../errors.ts';
import { faultsOf } from '../../faults.ts';
import { digestSchema, fieldMembers } from '../../object_schema.ts';
import type { May } from '../../objects/sources.ts';
import type { Switched } from '../../objects/switches.ts';
import { isAllowed } from '../../sites/authorize.ts';
import type { NameChange } from '../../store/store.ts';
import type { BucketRoute, Services } from './services.ts';
import { bucketTarget } from './target.ts';
import { checkBody } from './upload.ts';
import { refuseFields } from './upload_fields.ts';

/** Bytes: more than the longest list that a commit takes. */
const maxListBytes = 4 * 1024 * 1024;

const entry = z
  .strictObject({
    name: z.string(),
    digest: digestSchema.optional(),
    mediaType: z.string().optional(),
    ...fieldMembers,
    deleted: z.literal(true).optional(),
  })
  .refine(
    ({ name: _, digest, deleted, ...said }) =>
      (digest === undefined) === (deleted === true) &&
      (digest !== undefined || Object.keys(said).length === 0),
    'expected a digest, with a mediaType and fields or without, or deleted',
  );
const list = z.strictObject({ entries: z.array(entry), replaces: z.string().optional() });

export function putNames(services: Services): BucketRoute {
  const { objects, authorize } = services;
  return (request, captures) => {
    const bucket = bucketTarget(captures);
    authorize(request, 'write', bucket);
    objects.bucket(bucket);
    checkBody(request);
    refuseFields(request.headers);
    const body = objects.receive(maxListBytes, async (staging) => {
      const { entries, replaces } = readList(await readFile(staging, 'utf8'));
      checkSources(services, request, bucket, entries);
      return objects.switchNames(bucket, entries.map(changeOf), replaces);
    });
    return receive(body, (switched) => respondJson(200, { bucket, ...counts(switched), names: switched }));
  };
}

// The answer is the same whether bytes are not stored or somebody else's.
function checkSources(
  { objects, authorize, shownBytes }: Services,
  request: EngineRequest,
  bucket: string,
  entries: readonly z.infer<typeof entry>[],
): void {
  const may: May = (action, each) => isAllowed(authorize, request, action, each);
  if (may('read', '*')) return;
  for (const { name, digest } of entries) {
    if (digest === undefined || shownBytes.has(request, digest) || objects.findsBytes(digest, bucket, may))
      continue;
    const why = `${name}: there is no blob ${digest} that you may read; store it with PUT /sha256/ first.`;
    throw new SealgateError('content-unknown', why);
  }
}

function readList(text: string): z.infer<typeof list> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SealgateError('list-invalid', 'The body: expected JSON.', { cause });
  }
  const read = list.safeParse(value);
  if (read.success) return read.data;
  throw new SealgateError('list-invalid', faultsOf(value, read.error));
}

function changeOf({ name, digest, mediaType, deleted: _, ...given }: z.infer<typeof entry>): NameChange {
  if (digest === undefined) return { name };
  const fields = Object.keys(given).length === 0 ? undefined : given;
  return { name, to: { digest, mediaType, fields } };
}

function counts(switched: Switched[]): Record<string, number> {
  const found = { created: 0, replaced: 0, renewed: 0, same: 0, deleted: 0, absent: 0 };
  for (const { outcome } of switched) found[outcome] += 1;
  return found;
}
