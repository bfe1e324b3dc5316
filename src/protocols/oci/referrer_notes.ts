// What is noted of a manifest that names a subject, in the fields of its names: which one it is, so that it
// is found when the manifest is deleted; and the descriptor that the list of referrers has of it, so that no
// manifest is read for the list.

import * as z from 'zod';
import type { ObjectFields } from '../../object_fields.ts';
import { RegistryError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { type ContentDigest, parsedDigest, written } from './names.ts';

/** Characters of a note: fields of an object have up to 8 KiB in all. */
const longestNote = 7 * 1024;

const referrerSchema = z.object({
  mediaType: z.string(),
  digest: z.string(),
  size: z.number(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export type Referrer = z.infer<typeof referrerSchema>;

export function subjectNote(subject: ContentDigest): ObjectFields {
  return { meta: { subject: written(subject) } };
}

/** Undefined: it names none. */
export function subjectIn({ meta }: ObjectFields = {}): ContentDigest | undefined {
  return parsedDigest(meta?.subject ?? '');
}

/** Throws MANIFEST_INVALID where the annotations are too long to be listed. */
export function referrerNote(
  { mediaType, artifactType, annotations }: Manifest,
  { hex, size }: { hex: string; size: number },
): ObjectFields {
  const about: Referrer = {
    ...{ mediaType, digest: `sha256:${hex}`, size },
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
  const descriptor = Buffer.from(JSON.stringify(about)).toString('base64url');
  if (descriptor.length <= longestNote) return { meta: { descriptor } };
  throw new RegistryError(
    400,
    'MANIFEST_INVALID',
    'The annotations of a manifest with a subject have up to 5 KiB: the list of referrers has them, too.',
  );
}

/** Undefined: somebody else wrote the name. */
export function referrerIn({ meta }: ObjectFields = {}): Referrer | undefined {
  try {
    const text = Buffer.from(meta?.descriptor ?? '', 'base64url').toString();
    return referrerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
