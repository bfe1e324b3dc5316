// What a site of the protocol mirror says: what is mirrored, for how long it is kept without asking again,
// and how much of it.

import * as z from 'zod';
import { patternSchema } from '../path_pattern.ts';

/** Seconds: a year. */
const year = 31_536_000;

const ageSchema = z.int().min(0).max(year);

const ruleSchema = z
  .strictObject({
    match: patternSchema().describe('Path, or pattern, as clients see it.'),
    immutable: z
      .boolean()
      .default(false)
      .describe('Whether what was fetched once is never asked for again, and clients may keep it for ever.'),
    sha256: z
      .string()
      .regex(/^\$[1-9]$/, { error: 'expected $1 to $9, which is what a star of "match" stands for' })
      .optional()
      .describe('The part of the path that is the SHA-256 of the bytes, in hex. Other bytes are refused.'),
    freshSeconds: ageSchema
      .optional()
      .describe('Seconds for which it is not asked again, whatever the upstream says of that.'),
  })
  .refine(({ immutable, freshSeconds }) => !immutable || freshSeconds === undefined, {
    path: ['freshSeconds'],
    error: 'expected nothing beside "immutable": true',
  })
  .refine(({ sha256, immutable }) => sha256 === undefined || immutable, {
    path: ['immutable'],
    error: 'expected true beside "sha256", since the name says which bytes it is for',
  });

export type MirrorRule = z.infer<typeof ruleSchema>;

/** What a mirror knows of the files that it mirrors (src/protocols/mirror/kinds.ts). */
const mirrorKinds = ['files', 'apt', 'npm', 'pypi', 'maven', 'go', 'nix'] as const;

/** How much a bucket keeps of what can be had again. */
const bounds = {
  maxBytes: z
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      'Bytes that the bucket keeps; above, what was not used for longest is evicted. Default: any number.',
    ),
  unusedDays: z
    .number()
    .min(0.001)
    .max(36_500)
    .optional()
    .describe('Days without use after which an object is evicted. Default: never.'),
};

export const boundsSchema = z.strictObject(bounds);

export const mirrorSchema = z
  .strictObject({
    kind: z
      .enum(mirrorKinds)
      .default('files')
      .describe(
        'What is mirrored. files: whatever there is, by the rules of the site. apt: repositories of Debian ' +
          'packages. npm: a registry of packages. pypi: an index of Python packages. maven: a repository ' +
          'of Maven. go: a proxy of Go modules. nix: a binary cache of Nix.',
      ),
    local: z
      .array(patternSchema())
      .max(100)
      .default([])
      .describe('Paths that no upstream is ever asked for: what is in the bucket is all there is.'),
    rules: z
      .array(ruleSchema)
      .max(100)
      .default([])
      .describe('Tried in order, the first match decides. Without one the fields of the upstream do.'),
    staleWhileRevalidateSeconds: ageSchema
      .default(0)
      .describe('Seconds after it was fresh in which an object is sent at once and asked for meanwhile.'),
    staleIfErrorSeconds: ageSchema
      .default(86_400)
      .describe('Seconds after it was fresh in which it is sent when the upstream does not answer.'),
    negativeSeconds: z
      .int()
      .min(0)
      .max(3600)
      .default(30)
      .describe('Seconds for which a name is not asked for again that the upstream does not have.'),
    ...bounds,
  })
  .describe('What is fetched, and for how long it is kept without asking again.');

export type MirrorConfig = z.infer<typeof mirrorSchema>;
