// The section `registry` of a site: what a registry of container images keeps, and how much.

import * as z from 'zod';

/** Milliseconds that what nothing needs stays, unless the site says another time. */
export const usualGrace = 86_400_000;

const repositories = z
  .string()
  .max(255)
  .regex(/^(?:\*|[a-z0-9][a-z0-9._/-]*\*?)$/, {
    error: 'expected a repository, or what repositories begin with and a * at its end',
  })
  .default('*')
  .describe('A repository, or what repositories begin with and a star at the end. Default: all of them.');
const tags = z.array(
  z
    .string()
    .max(129)
    .regex(/^(?:\*|[a-zA-Z0-9_][a-zA-Z0-9._-]*\*?)$/, {
      error: 'expected a tag, or what tags begin with and a * at its end',
    }),
);

const retentionSchema = z
  .strictObject({
    repositories,
    tags: tags.min(1).max(100).default(['*']).describe('Tags that the rule is about. Default: all.'),
    except: tags.max(100).default([]).describe('Tags that stay and are not counted. Default: none.'),
    keepTags: z
      .int()
      .min(0)
      .max(100_000)
      .optional()
      .describe('How many of these tags stay, those that were pushed last. Default: all.'),
    untaggedDays: z
      .number()
      .min(0)
      .max(36_500)
      .optional()
      .describe(
        'Days after which a manifest goes that has no tag, is in no index that stays, and refers to no ' +
          'manifest that stays; the fewest days that a rule of the repository says. Default: if a rule has ' +
          'keepTags the grace time, else never.',
      ),
  })
  .refine(({ keepTags, untaggedDays }) => keepTags !== undefined || untaggedDays !== undefined, {
    error: 'expected keepTags, or untaggedDays, or both',
  });

const quotaSchema = z.strictObject({
  repositories,
  bytes: z
    .int()
    .min(0)
    .max(2 ** 50)
    .describe('Bytes that each of these repositories may have; what it has twice counts once.'),
});

export const registrySchema = z
  .strictObject({
    graceSeconds: z
      .number()
      .min(0)
      .max(366 * 86_400)
      .default(usualGrace / 1000)
      .describe(
        'Seconds that layers stay which no manifest of their repository names. A push must be over within ' +
          'it. Default: a day.',
      ),
    retention: z
      .array(retentionSchema)
      .max(100)
      .default([])
      .describe('Rules of what goes by itself; all that match a repository apply. Default: nothing goes.'),
    countPulls: z
      .boolean()
      .default(false)
      .describe(
        'Whether pulls of repositories are counted: then each GET of a manifest asks the application, and ' +
          'none is answered from a kept plan. Default: false.',
      ),
    quotas: z
      .array(quotaSchema)
      .max(1000)
      .default([])
      .describe('How much repositories may have; the first that matches decides. Default: any amount.'),
  })
  .describe('What a registry keeps, and how much its repositories may have.');

export type RetentionRule = z.output<typeof retentionSchema>;
