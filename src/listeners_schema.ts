// The schema of the addresses that serve content, of the configuration file.

import { isIP } from 'node:net';
import * as z from 'zod';

const address = z
  .string()
  .regex(/^https?:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):\d{1,5}$/, {
    error: 'expected http:// or https://, an IP address (IPv6 in brackets) or localhost, and a port',
  })
  .transform((url, context) => {
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
  })
  .transform(({ url, http2 }) => ({ ...url, http2 }));

// A union says of itself only that nothing of it fits; here it is said what is wrong with an address.
function whyNeither(issue: { input: unknown; errors: { code?: string; message: string }[][] }): string {
  const [ofAddress = [], ofObject = []] = issue.errors;
  const found = typeof issue.input === 'string' ? ofAddress[0] : ofObject[0];
  if (found?.code === 'invalid_format' || found?.code === 'custom') return found.message;
  return 'expected an address, or an object with url and http2, which is true or false';
}

// Port 0 is any free one, a different one each time.
function hasNoTwins(listeners: { host: string; port: number }[]): boolean {
  const bound = listeners.filter(({ port }) => port !== 0).map(({ host, port }) => `${host} ${port}`);
  return new Set(bound).size === bound.length;
}

export const listenersSchema = z
  .array(z.union([address, withSettings], { error: (issue) => whyNeither(issue as never) }))
  .min(1)
  .max(64)
  .refine(hasNoTwins, { error: 'expected each address and port once' })
  .default([{ host: '127.0.0.1', port: 8443, tls: true, http2: true }])
  .describe(
    'Addresses that serve content: https://IP:PORT, or http://IP:PORT without TLS; port 0: any free port. ' +
      'One with settings of its own is an object with its url.',
  );
