// The section `rateLimits` of the configuration: how many requests clients may make in a time, how many bytes
// may pass for them, and how many connections they may have.

import * as z from 'zod';

/** Most limits; each costs a request a look at the table that all workers share. */
const maxLimits = 16;

/** Seconds in which a burst has to come back; the engine counts nanoseconds. */
const longestBurst = 365 * 86_400;

/** Most bytes in a time, of which numbers are still exact. */
const maxBytes = 2 ** 53 - 1;

type RateLimit = { name: string; by: 'address' | 'site' | 'token' } & (
  | { requests: number; seconds: number; burst: number }
  | { bytes: number; seconds: number; burst: number }
  | { connections: number }
);

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
    requests: z.int().min(1).max(1_000_000).optional().describe('So many on average in `seconds`.'),
    bytes: z
      .int()
      .min(1)
      .max(maxBytes)
      .optional()
      .describe(
        'In place of requests: so many bytes of answers and request bodies on average in `seconds`. They ' +
          'are charged once they have passed; requests are refused while that is more than the burst.',
      ),
    connections: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .describe(
        'In place of requests, by address: so many connections at a time. Further ones are closed. Those ' +
          'of trustedProxies and of unix sockets do not count.',
      ),
    seconds: z.int().min(1).max(86_400).optional().describe('Seconds. Absent: 1.'),
    burst: z
      .int()
      .min(1)
      .max(maxBytes)
      .optional()
      .describe('So many at once, of a client that made none for long. Absent: as many as in `seconds`.'),
  })
  .transform(({ name, by, seconds, burst, ...of }, context): RateLimit => {
    const { requests, bytes, connections } = of;
    const refuse = (message: string, ...path: string[]) =>
      context.addIssue({ code: 'custom', path, message });
    const given = Object.values(of).filter((each) => each !== undefined);
    if (given.length !== 1) refuse('expected one of requests, bytes and connections');
    if (connections !== undefined) {
      if (by !== 'address') refuse('expected "address", as connections have no other', 'by');
      if ((seconds ?? burst) !== undefined) refuse('expected no seconds and no burst with connections');
      return { name, by, connections };
    }
    const amount = requests ?? bytes ?? 1;
    const rate = { seconds: seconds ?? 1, burst: burst ?? amount };
    if ((rate.burst * rate.seconds) / amount > longestBurst)
      refuse(
        `expected a burst that the ${requests ? 'requests' : 'bytes'} and seconds give back within a year`,
      );
    return requests === undefined ? { name, by, bytes: amount, ...rate } : { name, by, requests, ...rate };
  });

export const rateLimitsSchema = z
  .array(rateLimit)
  .max(maxLimits)
  .refine((limits) => new Set(limits.map(({ name }) => name)).size === limits.length, {
    error: 'expected each name once',
  })
  .refine((limits) => limits.filter((each) => 'connections' in each).length <= 1, {
    error: 'expected one limit of connections at most',
  })
  .default([])
  .describe(
    'Limits of requests, bytes and connections, of all workers together. A request more than a limit lets ' +
      'through gets 429 with Retry-After, whether its answer is kept or not.',
  );

export type RateLimits = z.infer<typeof rateLimitsSchema>;
