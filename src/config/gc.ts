// The schema of the section `gc`: when a server collects what nothing needs any more.

import * as z from 'zod';

/** Seconds: a gateway of the store may carry a request out some minutes late (docs/scale-out.md). */
const leastGrace = 600;

const sharedSchema = z
  .strictObject({
    intervalSeconds: z
      .number()
      .min(0)
      .max(86_400 * 30)
      .default(0)
      .describe('Seconds between two rounds, at whichever server; 0: none by this server.'),
    // Half of the least is what a write may take unasked (upstream/tier.ts).
    graceSeconds: z
      .number()
      .min(8)
      .max(86_400 * 365)
      .default(86_400)
      .describe(
        'Seconds that bytes stay at least which no record names, and once more after they were marked. The ' +
          'store records it, and all servers and commands have to have the same. Below 600 is for tests.',
      ),
    requestsPerSecond: z
      .number()
      .min(0.1)
      .max(100_000)
      .default(100)
      .describe(
        'Most requests of a round a second. A round makes one for each name, and some for each blob.',
      ),
  })
  .describe('Collection of the stores that buckets are shared over ("sharedBuckets").');

export const gcSchema = z.strictObject({
  shared: sharedSchema.prefault({}),
  intervalSeconds: z
    .number()
    .min(0)
    .max(86_400 * 7)
    .default(3600)
    .describe('Seconds between two rounds of collection, which free what nothing needs; 0: none.'),
  graceSeconds: z
    .number()
    .min(0)
    .max(86_400 * 365)
    .default(86_400)
    .describe(
      'Seconds that bytes stay at least after their name was overwritten or deleted. Older versions ' +
        "in a versioned bucket stay for good, unless 'sealgate bucket set' says how many or how long.",
    ),
  blobsPerSecond: z
    .number()
    .min(0.1)
    .max(100_000)
    .default(200)
    .describe('Most blobs removed a second, so that the disk has time for requests.'),
});

interface Collecting {
  gc: { shared: { graceSeconds: number } };
  sharedBuckets: Readonly<Record<string, unknown>>;
}

/** What is odd about it, and no fault in a test: a sentence for each. */
export function gcWarnings({ gc: { shared }, sharedBuckets }: Collecting): string[] {
  if (Object.keys(sharedBuckets).length === 0 || shared.graceSeconds >= leastGrace) return [];
  return [
    `gc.shared.graceSeconds: ${shared.graceSeconds} s are for tests alone: a deletion or a record that a ` +
      'gateway of the store carries out minutes late may cost bytes that a name needs; give it ' +
      `${leastGrace} or more (a day is usual)`,
  ];
}
