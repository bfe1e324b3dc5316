// The address of the control plane: `http://127.0.0.1:9443`, `https://192.0.2.1:9443` or
// `unix:/run/sealgate`.

import { isIP } from 'node:net';
import * as z from 'zod';

export type ControlAddress = { host: string; port: number; tls: boolean } | { path: string };

const maxSocketPath = 107; // bytes: sun_path (unix(7)) less its end

/** The path in `unix:/PATH`, whose length it checks; undefined: the text is no such address. */
export function socketPathIn(text: string, context: z.core.$RefinementCtx): string | undefined {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path !== undefined && Buffer.byteLength(path) > maxSocketPath)
    context.addIssue({ code: 'custom', message: `expected a path of at most ${maxSocketPath} bytes` });
  return path;
}

export const controlAddressSchema = z
  .string()
  .regex(/^(unix:.+|https?:\/\/(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):\d{1,5})$/, {
    error:
      'expected unix:/PATH, http:// with a loopback address or https:// with any (IPv6 in brackets), and ' +
      'a port',
    // What looks at the address otherwise gets the text.
    abort: true,
  })
  .transform((text, context): ControlAddress => {
    const path = socketPathIn(text, context);
    if (path !== undefined) return { path };
    const [, scheme, host = '', port] = /^(https?):\/\/(.+):(\d+)$/.exec(text) ?? [];
    const bare = host === 'localhost' ? '127.0.0.1' : host.replace(/^\[|\]$/g, '');
    if (isIP(bare) === 0 || Number(port) > 65_535)
      context.addIssue({ code: 'custom', message: 'no such address' });
    return { host: bare, port: Number(port), tls: scheme === 'https' };
  });

/** The address as the configuration file writes it. */
export function controlUrl(address: ControlAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const { host, port, tls } = address;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function isLoopback(host: string): boolean {
  return host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
