// The schema of the addresses that serve content, of the configuration file.

import { isIP } from 'node:net';
import * as z from 'zod';
import { expectationOf } from './faults.ts';
import { networksSchema } from './site_rules_schema.ts';

/** Where content is served. */
export interface Listener {
  host: string;
  port: number;
  tls: boolean;
  http2: boolean;
  name?: string;
  proxyProtocol?: { from: string[] };
}

const address = z
  .string()
  .regex(/^https?:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):\d{1,5}$/, {
    error: 'expected http:// or https://, an IP address (IPv6 in brackets) or localhost, and a port',
  })
  .transform((url, context): Listener => {
    const [, scheme, host = '', port] = /^(https?):\/\/(.+):(\d+)$/.exec(url) ?? [];
    const bare = host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, '');
    if (isIP(bare) === 0 || Number(port) > 65_535)
      context.addIssue({ code: 'custom', message: 'no such address' });
    return { host: bare, port: Number(port), tls: scheme === 'https', http2: true };
  });

const withSettings = z
  .strictObject({
    url: address.describe('https://IP:PORT, or http://IP:PORT without TLS.'),
    http2: z
      .boolean()
      .default(true)
      .describe('HTTP/2 beside HTTP/1.1: by ALPN, and without TLS by prior knowledge.'),
    proxyProtocol: z
      .strictObject({
        from: networksSchema
          .min(1, { error: 'expected the addresses or networks of the proxies, at least one' })
          .describe('Addresses and networks of the proxies. Connections of all others are closed.'),
      })
      .optional()
      .describe(
        'Every connection begins with a PROXY header, version 1 or 2, before TLS: it says whose the ' +
          'connection is. One that does not, or comes from elsewhere, is closed.',
      ),
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, { error: 'expected up to 64 letters, digits, "_", "-" and "."' })
      .optional()
      .describe('What a socket unit calls it (FileDescriptorName=). Without it, its address tells.'),
  })
  .transform(({ url, http2, name, proxyProtocol }): Listener => {
    return { ...url, http2, ...(name !== undefined && { name }), ...(proxyProtocol && { proxyProtocol }) };
  });

// A union says of itself only that nothing of it fits; here it is said what is wrong with an address.
function whyNeither(issue: { input: unknown; errors: z.core.$ZodIssue[][] }): string {
  const [ofAddress = [], ofObject = []] = issue.errors;
  const found = typeof issue.input === 'string' ? ofAddress[0] : ofObject[0];
  if (found?.path[0] === 'proxyProtocol') return `${found.path.join('.')}: ${expectationOf(found)}`;
  if (found?.code === 'invalid_format' || found?.code === 'custom') return found.message;
  return 'expected an address, or an object with url, http2, which is true or false, and proxyProtocol';
}

function namesDiffer(listeners: Listener[]): boolean {
  const names = listeners.flatMap(({ name }) => name ?? []);
  // The control plane's own socket has this name.
  return new Set(names).size === names.length && !names.includes('control');
}

// Port 0 is any free one, a different one each time.
function hasNoTwins(listeners: Listener[]): boolean {
  const bound = listeners.filter(({ port }) => port !== 0).map(({ host, port }) => `${host} ${port}`);
  return new Set(bound).size === bound.length;
}

export const listenersSchema = z
  .array(z.union([address, withSettings], { error: (issue) => whyNeither(issue as never) }))
  .min(1)
  .max(64)
  .refine(hasNoTwins, { error: 'expected each address and port once' })
  .refine(namesDiffer, { error: "expected each name once, and none that is 'control'" })
  .default([{ host: '127.0.0.1', port: 8443, tls: true, http2: true }])
  .describe(
    'Addresses that serve content: https://IP:PORT, or http://IP:PORT without TLS; port 0: any free port. ' +
      'One with settings of its own is an object with its url.',
  );
