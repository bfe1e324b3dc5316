// The schema of the addresses that serve content, of the configuration file.

import { isIP } from 'node:net';
import * as z from 'zod';
import { socketPathIn } from '../control_address.ts';
import { expectationOf } from '../faults.ts';
import { networksSchema } from './site_rules.ts';

/** Where content is served. */
export interface Listener {
  /** `unix:` of a unix socket. */
  host: string;
  port: number;
  /** Of a unix socket, as are mode and owner. */
  path?: string;
  mode?: number;
  owner?: string;
  tls: boolean;
  http2: boolean;
  name?: string;
  proxyProtocol?: { from: string[] };
}

/** Of the file of a unix socket: who may connect to it has to be able to write to it. */
export const defaultMode = 0o600;

/** A mode as the configuration file writes it, for example 0660. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

const address = z
  .string()
  .regex(/^(unix:.+|https?:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):\d{1,5})$/, {
    error:
      'expected http:// or https://, an IP address (IPv6 in brackets) or localhost, and a port; ' +
      'or unix:/PATH',
    // What looks at the address otherwise gets the text.
    abort: true,
  })
  .transform((url, context): Listener => {
    const path = socketPathIn(url, context);
    if (path !== undefined)
      return { host: 'unix:', port: 0, path, mode: defaultMode, tls: false, http2: true };
    const [, scheme, host = '', port] = /^(https?):\/\/(.+):(\d+)$/.exec(url) ?? [];
    const bare = host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, '');
    if (isIP(bare) === 0 || Number(port) > 65_535)
      context.addIssue({ code: 'custom', message: 'no such address' });
    return { host: bare, port: Number(port), tls: scheme === 'https', http2: true };
  });

const withSettings = z
  .strictObject({
    url: address.describe('https://IP:PORT, http://IP:PORT without TLS, or unix:/PATH.'),
    tls: z.boolean().optional().describe('Of unix:/PATH: whether it has TLS. Others say it by https://.'),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, { error: 'expected three octal digits, such as 0660' })
      .transform((text) => Number.parseInt(text, 8))
      .optional()
      .describe('Of unix:/PATH: the mode of its file; who may write to it may connect. Absent: 0600.'),
    owner: z
      .string()
      .regex(/^[\w.-]{1,64}(:[\w.-]{1,64})?$/, { error: 'expected USER or USER:GROUP' })
      .optional()
      .describe('Of unix:/PATH: USER or USER:GROUP whose its file is. Absent: of the server.'),
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
  .superRefine(({ url, tls, mode, owner }, context) => {
    if (url.path !== undefined) return;
    for (const [key, value] of Object.entries({ tls, mode, owner }))
      if (value !== undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'expected it of unix:/PATH alone' });
  })
  .transform(({ url, http2, name, proxyProtocol, tls, mode, owner }): Listener => {
    return {
      ...url,
      http2,
      ...(tls !== undefined && { tls }),
      ...(mode !== undefined && { mode }),
      ...(owner !== undefined && { owner }),
      ...(name !== undefined && { name }),
      ...(proxyProtocol && { proxyProtocol }),
    };
  });

// A union says of itself only that nothing of it fits; here it is said what is wrong with an address.
function whyNeither(issue: { input: unknown; errors: z.core.$ZodIssue[][] }): string {
  const [ofAddress = [], ofObject = []] = issue.errors;
  const found = typeof issue.input === 'string' ? ofAddress[0] : ofObject[0];
  const [setting] = found?.path ?? [];
  if (found && ['proxyProtocol', 'tls', 'mode', 'owner'].includes(`${String(setting)}`))
    return `${found.path.join('.')}: ${expectationOf(found)}`;
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
  const bound = listeners
    .filter(({ port, path }) => port !== 0 || path !== undefined)
    .map(({ host, port, path }) => path ?? `${host} ${port}`);
  return new Set(bound).size === bound.length;
}

export const listenersSchema = z
  .array(z.union([address, withSettings], { error: (issue) => whyNeither(issue as never) }))
  .min(1)
  .max(64)
  .refine(hasNoTwins, { error: 'expected each address and port, and each path, once' })
  .refine(namesDiffer, { error: "expected each name once, and none that is 'control'" })
  .default([{ host: '127.0.0.1', port: 8443, tls: true, http2: true }])
  .describe(
    'Addresses that serve content: https://IP:PORT, or http://IP:PORT without TLS; port 0: any free port; ' +
      'or unix:/PATH without TLS. One with settings of its own is an object with its url.',
  );
