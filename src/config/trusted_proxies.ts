// The section `trustedProxies` of the configuration: whose word counts about the client of a request.

import * as z from 'zod';
import { networksSchema } from './site_rules.ts';

export const trustedProxiesSchema = z.strictObject({
  from: networksSchema
    .default([])
    .describe(
      'Addresses and networks of HTTP proxies in front; unix: is all who connect to a unix socket. The ' +
        'client of a request that comes from one is the last address in the field that is none of these. ' +
        'Empty: nobody is believed.',
    ),
  field: z
    .enum(['X-Forwarded-For', 'Forwarded'])
    .default('X-Forwarded-For')
    .describe('The field that all of these proxies write. The other one is what a client likes to say.'),
});

export type TrustedProxies = z.infer<typeof trustedProxiesSchema>;
