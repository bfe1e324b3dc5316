// The section `rateLimits` of the configuration: how many requests clients may make in a time.

import * as z from 'zod';

/** Most limits; each costs a request a look at the table that all workers share. */
const maxLimits = 16;

/** Seconds in which a burst has to come back; the engine counts nanoseconds. */
const longestBurst = 365 * 86_400;

const rateLimit = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: 'expected a name of lower-case letters, digits and -' })
      .describe('Its name in answers, metrics and the access log. What was used counts on under it.'),
    by: z
      .enum(['address', 'site', 'token'])
      .describe(
        'What is counted together: requests of one client address (of IPv6, of one /64 network), to one ' +
          'site, or with one Authorization.',
      ),
    requests: z.int().min(1).max(1_000_000).describe('So many requests on average in `seconds`.'),
    seconds: z.int().min(1).max(86_400).default(1).describe('Seconds.'),
    burst: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe('So many at once, of a client that made none for long. Absent: as many as `requests`.'),
  })
  .transform(({ burst, ...limit }) => ({ ...limit, burst: burst ?? limit.requests }))
  .refine(({ burst, requests, seconds }) => (burst * seconds) / requests <= longestBurst, {
    error: 'expected a burst that the requests and seconds give back within a year',
  });

export const rateLimitsSchema = z
  .array(rateLimit)
  .max(maxLimits)
  .refine((limits) => new Set(limits.map(({ name }) => name)).size === limits.length, {
    error: 'expected each name once',
  })
  .default([])
  .describe(
    'Limits of requests, of all workers together. One more than a limit lets through gets 429 with ' +
      'Retry-After, whether its answer is kept or not.',
  );

export type RateLimits = z.infer<typeof rateLimitsSchema>;
