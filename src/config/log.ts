// The sections `log` and `requestIds` of the configuration: what is written down, and how requests are named.

import * as z from 'zod';
import { networksSchema } from './site_rules.ts';

export const requestIdsSchema = z.strictObject({
  send: z
    .boolean()
    .default(true)
    .describe(
      'Whether answers have the id of their request in X-Request-Id, and problem documents in ' +
        '"request": the one that the access log has.',
    ),
  trust: networksSchema
    .default([])
    .describe(
      'Addresses and networks of proxies whose X-Request-Id is the id of a request. All others get an ' +
        'id of our own.',
    ),
});

export const logSchema = z.strictObject({
  level: z
    .enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('Lowest level that is logged.'),
  access: z
    .string()
    .default('')
    .describe('Access log: file with a JSON line for each response; -: standard output; empty: none.'),
  fields: z
    .array(z.enum(['site', 'host', 'range', 'referer', 'userAgent', 'httpVersion']))
    .max(6)
    .default(['userAgent'])
    .describe('What the access log has besides method and target: the site, and request fields.'),
});
