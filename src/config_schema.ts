// What the configuration may hold: every setting with its bounds, its default and a word for editors.

import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import * as z from 'zod';
import { controlAddressSchema, isLoopback } from './control_address.ts';
import { dates } from './dates.ts';
import { limitsSchema } from './limits.ts';
import { guardSchema, ktlsCiphers, ktlsProtocols, rolloutSchema } from './rollout_schema.ts';
import { scopeSchema } from './scopes.ts';

// Read once: compiling the schemas first would take longer.
z.config({ jitless: true });

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
    return { host: bare, port: Number(port), tls: scheme === 'https' };
  });

const bucketName = z.string().regex(/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{0,62}$/, {
  error:
    'expected a bucket name: 1 to 63 lower-case letters, digits, dots and hyphens, a letter or digit first',
});

const firstRead = z.enum(['trust', 'hash']).default('trust');

export const configSchema = z.strictObject({
  $schema: z.string().optional().describe('For editors.'),
  store: z.string().min(1).default('./store').describe('Directory of the content store.'),
  listeners: z
    .array(address)
    .min(1)
    .max(64)
    .default([{ host: '127.0.0.1', port: 8443, tls: true }])
    .describe(
      'Where content is served: https:// or http://, an IP address, a port; port 0 takes a free one.',
    ),
  workers: z
    .int()
    .min(1)
    .max(256)
    .default(availableParallelism())
    .describe('Delivery threads. Default: one a CPU.'),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .min(1)
        .default('./tls/certificate.pem')
        .describe('PEM file: the certificate, then its chain.'),
      key: z.string().min(1).default('./tls/key.pem').describe('PEM file: the private key.'),
      ocsp: z.string().default('').describe('DER file: an OCSP response to staple; empty: none.'),
      certificates: z
        .array(
          z.strictObject({
            certificate: z.string().min(1),
            key: z.string().min(1),
            ocsp: z.string().default(''),
          }),
        )
        .max(256)
        .default([])
        .describe('Further ones, chosen by the host name that a client asks for; wildcards count.'),
      minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
      ciphers: z
        .string()
        .default('')
        .describe("TLS 1.2 ciphers, OpenSSL's list format; empty keeps its default."),
      cipherSuites: z
        .string()
        .default('')
        .describe('TLS 1.3 cipher suites, colon-separated; empty keeps the default.'),
      groups: z
        .string()
        .default('')
        .describe('Key exchange groups, colon-separated, as X25519:P-256; empty keeps the default.'),
      clients: z
        .strictObject({
          verify: z
            .enum(['none', 'optional', 'required'])
            .default('none')
            .describe('Whether clients are asked for a certificate. One that does not verify is refused.'),
          ca: z.string().default('').describe('PEM file: who may issue them.'),
        })
        .prefault({})
        .refine(({ verify, ca }) => verify === 'none' || ca !== '', {
          path: ['ca'],
          error: 'expected a PEM file, since clients are asked for certificates',
        }),
      tickets: z
        .int()
        .min(0)
        .max(8)
        .default(2)
        .describe('Session tickets sent after a TLS 1.3 handshake; 0: no resumption.'),
      ticketKeySeconds: z
        .int()
        .min(1)
        .max(86_400)
        .default(3600)
        .describe('How long a key protects new tickets. They resume for two such times more.'),
    })
    .prefault({}),
  ktls: z
    .strictObject({
      mode: z
        .enum(['auto', 'off', 'require'])
        .default('auto')
        .describe(
          'auto: kernel TLS where it works, as far as the rollout has come. off: userspace TLS. ' +
            'require: all traffic at once, and no start without it.',
        ),
      tx: z.boolean().default(true).describe('Sending may go by the kernel.'),
      rx: z.boolean().default(true).describe('Receiving may go by the kernel.'),
      forceHwRecord: z
        .boolean()
        .default(false)
        .describe('Kernel TLS also beside a network device that makes whole records (tls-hw-record).'),
      protocols: z.array(z.enum(ktlsProtocols)).default([...ktlsProtocols]),
      ciphers: z
        .array(z.enum(ktlsCiphers))
        .default([...ktlsCiphers])
        .describe('Connections with another cipher stay in userspace.'),
      minBytes: z
        .int()
        .min(0)
        .default(65_536)
        .describe(
          'Bytes. A response of this size moves the sending side of its connection into the kernel, an ' +
            'upload the receiving side; below it does not pay.',
        ),
      recordsPerKey: z
        .int()
        .min(1)
        .max(2 ** 24)
        .default(2 ** 24)
        .describe('AES records before the key is replaced (RFC 8446 5.5), in userspace TLS too.'),
    })
    .prefault({}),
  rollout: rolloutSchema
    .prefault({})
    .describe('Where a rollout begins. What was changed at run time holds until this is edited.'),
  guard: guardSchema.prefault({}).describe('Compares the canary with the control group.'),
  sentinel: z
    .strictObject({
      intervalSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(60)
        .describe('Between two fetches of a sealed object from itself; 0: none.'),
      maxBytes: z
        .int()
        .min(1)
        .max(256 * 2 ** 20)
        .default(16 * 2 ** 20)
        .describe('Larger objects are left out.'),
    })
    .prefault({}),
  buckets: z
    .record(bucketName, z.enum(['write-once', 'versioned']))
    .default({ files: 'write-once' })
    .describe(
      'Buckets made at start, by name. write-once: names keep their bytes. versioned: the newest wins.',
    ),
  seal: z
    .strictObject({
      firstRead: firstRead.describe(
        'When a blob is asked for the first time since the start. trust: inode, size and ctime have to be ' +
          'as recorded. hash: all of its bytes are read and hashed before, which finds damage below the ' +
          'file system.',
      ),
      buckets: z
        .record(bucketName, z.strictObject({ firstRead }))
        .default({})
        .describe('Buckets in which it is otherwise.'),
    })
    .prefault({}),
  lastModified: z
    .enum(dates)
    .default('written')
    .describe(
      'What Last-Modified, listings and If-Unmodified-Since tell of an object. written: when it was ' +
        'stored here. source: when the file that import or put took was last changed, or what an upload ' +
        'says in X-OC-Mtime, where that is known and not before the version that it replaced.',
    ),
  auth: z
    .strictObject({
      reads: z
        .enum(['open', 'token'])
        .default('open')
        .describe('Who may read: everybody, or bearers of a token.'),
      tokens: z
        .string()
        .min(1)
        .default('./tokens.json')
        .describe("File of the tokens' digests, made by 'sealgate token'."),
      clients: z
        .array(z.strictObject({ subject: z.string().min(1), scopes: z.array(scopeSchema).min(1) }))
        .default([])
        .describe("What bearers of certificates may do, by subject, as 'CN=build,O=Example' (RFC 2253)."),
    })
    .prefault({}),
  control: z
    .strictObject({
      listen: controlAddressSchema
        .default({ host: '127.0.0.1', port: 9443, tls: false })
        .describe('unix:/PATH, http:// on loopback, or https:// anywhere.'),
      auth: z
        .enum(['open', 'token'])
        .default('open')
        .describe('open: whoever can connect. token: bearers of control:read and control:operate.'),
      certificate: z.string().default('').describe("PEM file for https://; empty: the site's own."),
      key: z.string().default(''),
      audit: z
        .string()
        .min(1)
        .default('./audit.jsonl')
        .describe('File with a JSON line for each change made at run time; only appended to.'),
    })
    .prefault({})
    .superRefine(({ listen, auth }, context) => {
      if ('path' in listen || isLoopback(listen.host)) return;
      const refuse = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: [path], message });
      if (!listen.tls) refuse('listen', 'expected https:// for an address that others can reach');
      if (auth !== 'token') refuse('auth', 'expected "token" when others can reach the control plane');
    }),
  limits: limitsSchema.prefault({}),
  drain: z
    .strictObject({
      graceSeconds: z
        .number()
        .min(0)
        .max(3600)
        .default(30)
        .describe('Seconds for responses under way after SIGTERM.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
      access: z
        .string()
        .default('')
        .describe('File with a JSON line for each response; - for standard output; empty: none.'),
      fields: z
        .array(z.enum(['host', 'range', 'referer', 'userAgent', 'httpVersion']))
        .max(5)
        .default(['userAgent'])
        .describe('What lines of the access log say of a request besides method and target.'),
    })
    .prefault({}),
});

/** Paths are absolute, addresses taken apart, every default filled in. */
export type Config = z.infer<typeof configSchema>;

/** JSON Schema of the file, for editors. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
}
