// The schema of the scrub: how often the server reads what it stores, how fast, and what it keeps of what was
// wrong.

import * as z from 'zod';

export const scrubSchema = z.strictObject({
  periodDays: z
    .number()
    .min(0)
    .max(3650)
    .default(30)
    .describe('Days within which every stored blob is read and hashed once by the server; 0: never.'),
  bytesPerSecond: z
    .int()
    .min(0)
    .max(2 ** 40)
    .default(10 * 2 ** 20)
    .describe(
      'Bytes that are read for it in a second, at most; a file counts as 64 KiB more. 0: it is off. ' +
        'A store that takes longer than the period at this rate is named by sealgate diagnose.',
    ),
  quarantineBytes: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(16 * 2 ** 30)
    .describe(
      'Bytes that the quarantine keeps. Beyond it the oldest files leave whose blobs are stored again; ' +
        'those that are all that is left of theirs stay.',
    ),
});
