// The schema of the section `gc`: when a server collects what nothing needs any more.

import * as z from 'zod';

export const gcSchema = z.strictObject({
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
