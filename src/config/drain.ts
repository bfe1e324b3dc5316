// The schema of the section `drain`, how a server ends, and of `healthPath`, where balancers ask whether it
// does.

import * as z from 'zod';

export const drainSchema = z.strictObject({
  lameDuckSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(0)
    .describe(
      'Seconds after SIGTERM in which health paths answer 503 and everything is served as before, so that ' +
        'balancers send new clients elsewhere; 0: none.',
    ),
  closeSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(5)
    .describe(
      'The last so many seconds of lameDuckSeconds: connections end with their next answer (Connection: ' +
        'close, or GOAWAY), and new ones are accepted yet.',
    ),
  graceSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(30)
    .describe('Seconds that running transfers may still take after SIGTERM and lameDuckSeconds.'),
  replacedSeconds: z
    .number()
    .min(0)
    .max(604_800)
    .default(3600)
    .describe("Seconds that they may still take when another process has taken over ('serve --replace')."),
});

const pathPattern = /^\/[!"$-;=@-~]*$/;

export const healthPathSchema = z
  .string()
  .max(200)
  .refine((path) => path === '' || pathPattern.test(path), 'expected a path like "/health", without ? and #')
  .default('')
  .describe(
    'Path that answers 200 on every host while the server should get traffic, else 503, before any site is ' +
      'looked at; empty: none.',
  );
