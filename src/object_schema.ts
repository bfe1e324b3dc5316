// What names, bytes and fields of objects look like in JSON: in requests, settings and manifests.

import * as z from 'zod';
import { type DigestName, type Digests, digestNames, isDigest, isDigestOf } from './digest.ts';

export const digestSchema = z.string().refine(isDigest, { error: 'expected 64 lower-case hex digits' });

const digestNameSchema = z.enum(digestNames);

/** Names of digests, each once and in the usual order, whatever the order they are given in. */
export const digestNamesSchema = z
  .array(digestNameSchema)
  .min(1)
  .max(digestNames.length)
  .transform((given) => digestNames.filter((name) => given.includes(name)));

/** Further digests, each as long as it has to be. */
export const digestsSchema: z.ZodType<Digests> = z
  .partialRecord(digestNameSchema, z.string())
  .refine((all) => Object.entries(all).every(([name, hex]) => isDigestOf(name as DigestName, hex)), {
    error: `expected digests in lower-case hex: ${digestNames.join(', ')}`,
  });

export const bucketNameSchema = z.string().regex(/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{0,62}$/, {
  error:
    'expected a bucket name: 1 to 63 lower-case letters, digits, dots and hyphens, a letter or digit first',
});

export const bucketKindSchema = z.enum(['write-once', 'versioned']);

/** The members of an object that say its fields (object_fields.ts), which checkedFields looks at. */
export const fieldMembers = {
  contentEncoding: z.string().optional(),
  contentLanguage: z.string().optional(),
  contentDisposition: z.string().optional(),
  cacheControl: z.string().optional(),
  surrogateKey: z.string().optional(),
  meta: z.record(z.string(), z.string()).optional(),
};
