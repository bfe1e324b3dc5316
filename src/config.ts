// The configuration: one file, overridden by the environment, overridden by flags. Every wrong value is
// reported with where it came from, all of them at once.

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { limitsSchema } from './limits.ts';
import { scopeSchema } from './scopes.ts';

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

const ktlsCiphers = ['AES-128-GCM', 'AES-256-GCM', 'ChaCha20-Poly1305', 'AES-128-CCM'] as const;
const bucketName = z.string().regex(/^(?!.*\.\.)[a-z0-9][a-z0-9.-]{0,62}$/, {
  error:
    'expected a bucket name: 1 to 63 lower-case letters, digits, dots and hyphens, a letter or digit first',
});

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
          'auto: kernel TLS where it works. off: userspace TLS. require: no start without kernel TLS.',
        ),
      tx: z.boolean().default(true).describe('Sending may go by the kernel.'),
      rx: z.boolean().default(true).describe('Receiving may go by the kernel.'),
      protocols: z.array(z.enum(['TLSv1.2', 'TLSv1.3'])).default(['TLSv1.2', 'TLSv1.3']),
      ciphers: z
        .array(z.enum(ktlsCiphers))
        .default([...ktlsCiphers])
        .describe('Connections with another cipher stay in userspace.'),
      minBytes: z
        .int()
        .min(0)
        .default(65_536)
        .describe(
          'Bytes. A response or upload of this size moves its connection into the kernel; below it does ' +
            'not pay.',
        ),
      recordsPerKey: z
        .int()
        .min(1)
        .max(2 ** 24)
        .default(2 ** 24)
        .describe('AES records before the key is replaced (RFC 8446 5.5), in userspace TLS too.'),
    })
    .prefault({}),
  buckets: z
    .record(bucketName, z.enum(['write-once', 'versioned']))
    .default({ files: 'write-once' })
    .describe(
      'Buckets made at start, by name. write-once: names keep their bytes. versioned: the newest wins.',
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
      listen: address
        .default({ host: '127.0.0.1', port: 9443, tls: false })
        .describe('Loopback http:// URL.'),
    })
    .prefault({}),
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
    })
    .prefault({}),
});

/** Paths are absolute, addresses taken apart, every default filled in. */
export type Config = z.infer<typeof configSchema>;

export type Address = Config['listeners'][number];

/** An address as it is written in the file: `https://[::1]:8443`. */
export function urlOf({ host, port, tls }: Address): string {
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The file that amounts to this configuration. */
export function fileOf(config: Config): unknown {
  const control = { ...config.control, listen: urlOf(config.control.listen) };
  return { ...config, listeners: config.listeners.map(urlOf), control };
}

/** What a flag or a variable sets, by its dotted path. */
export const settings = {
  store: { variable: 'SEALGATE_STORE', type: 'path' },
  listeners: { variable: 'SEALGATE_LISTEN', type: 'addresses' },
  workers: { variable: 'SEALGATE_WORKERS', type: 'number' },
  'tls.certificate': { variable: 'SEALGATE_TLS_CERTIFICATE', type: 'path' },
  'tls.key': { variable: 'SEALGATE_TLS_KEY', type: 'path' },
  'ktls.mode': { variable: 'SEALGATE_KTLS', type: 'text' },
  'ktls.minBytes': { variable: 'SEALGATE_KTLS_MIN_BYTES', type: 'number' },
  'ktls.recordsPerKey': { variable: 'SEALGATE_KTLS_RECORDS_PER_KEY', type: 'number' },
  'auth.reads': { variable: 'SEALGATE_READS', type: 'text' },
  'auth.tokens': { variable: 'SEALGATE_TOKENS', type: 'path' },
  'control.listen': { variable: 'SEALGATE_CONTROL', type: 'text' },
  'drain.graceSeconds': { variable: 'SEALGATE_DRAIN_SECONDS', type: 'number' },
  'log.access': { variable: 'SEALGATE_ACCESS_LOG', type: 'path' },
  'log.level': { variable: 'SEALGATE_LOG_LEVEL', type: 'text' },
} as const;
export type Setting = keyof typeof settings;

/** Values from flags, as typed. */
export type Flags = Partial<Record<Setting, { flag: string; value: string | string[] | undefined }>>;

/** The configuration cannot be used; each line of the message is one fault. */
export class ConfigError extends Error {}

interface Source {
  /** The file; undefined: `sealgate.json` here, if there is one. */
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
  flags?: Flags;
}

/** Throws ConfigError with every fault there is. */
export async function loadConfig({ file, env = process.env, flags = {} }: Source): Promise<Config> {
  const path = resolve(file ?? env.SEALGATE_CONFIG ?? 'sealgate.json');
  const raw = await readJson(path, file !== undefined || env.SEALGATE_CONFIG !== undefined);
  const origins = new Map<string, string>();
  for (const [setting, { variable, type }] of Object.entries(settings)) {
    const flag = flags[setting as Setting];
    const fromFlag = flag?.value !== undefined;
    const given = fromFlag ? flag.value : env[variable];
    if (given === undefined || given === '') continue;
    set(raw, setting, typed(given, type));
    origins.set(setting, fromFlag ? flag.flag : variable);
  }
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((each) => fault(each, raw, origins, path)).join('\n'));
  return withPaths(parsed.data, dirname(path));
}

async function readJson(path: string, required: boolean): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return {};
    throw new ConfigError(
      `${path}: cannot be read (${code}); make one with 'sealgate init' or name it with --config`,
    );
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw new SyntaxError('expected an object');
  } catch (cause) {
    throw new ConfigError(`${path}${lineOf(text, cause as Error)}: is not JSON: ${(cause as Error).message}`);
  }
}

// V8 says at which character; other engines do not.
function lineOf(text: string, { message }: Error): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  return position === undefined ? '' : `:${text.slice(0, Number(position)).split('\n').length}`;
}

function typed(given: string | string[], type: 'path' | 'text' | 'number' | 'addresses'): unknown {
  if (type === 'addresses')
    return [given]
      .flat()
      .flatMap((each) => each.split(','))
      .map(withScheme);
  const text = String(given);
  if (type === 'path') return text === '-' ? text : resolve(text);
  return type === 'number' && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

// HOST:PORT alone means TLS.
function withScheme(address: string): string {
  return address.includes('://') ? address : `https://${address}`;
}

function set(target: Record<string, unknown>, setting: string, value: unknown): void {
  const [first = '', second] = setting.split('.');
  if (second === undefined) {
    target[first] = value;
    return;
  }
  const section = target[first] ?? {};
  // Anything else than a section is a fault of the file, and stays in sight.
  if (typeof section === 'object') target[first] = { ...section, [second]: value };
}

function fault(issue: z.core.$ZodIssue, raw: unknown, origins: Map<string, string>, file: string): string {
  const path = issue.path.map(String);
  const setting = [path.slice(0, 2).join('.'), path[0] ?? ''].find((each) => origins.has(each));
  const origin = setting === undefined ? file : origins.get(setting);
  const given = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    raw,
  );
  return `${origin}: ${path.join('.') || 'configuration'}: ${told(issue, path, given)}`;
}

function told(issue: z.core.$ZodIssue, path: string[], given: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    return `there is no setting ${keys}; 'sealgate config show' lists those there are`;
  }
  if (issue.code === 'invalid_key') return `${issue.issues[0]?.message}, got ${JSON.stringify(path.at(-1))}`;
  const expected = issue.message
    .replace(/^(Invalid input|Invalid option|Too small|Too big): /, '')
    .replace(/, received .*$/, '');
  return `${expected}, got ${JSON.stringify(given) ?? 'nothing'}`;
}

function withPaths(config: Config, base: string): Config {
  const optional = (path: string) => (path === '' ? '' : resolve(base, path));
  const pair = (given: { certificate: string; key: string; ocsp: string }) => ({
    certificate: resolve(base, given.certificate),
    key: resolve(base, given.key),
    ocsp: optional(given.ocsp),
  });
  return {
    ...config,
    store: resolve(base, config.store),
    tls: {
      ...config.tls,
      ...pair(config.tls),
      certificates: config.tls.certificates.map(pair),
      clients: { ...config.tls.clients, ca: optional(config.tls.clients.ca) },
    },
    log: { ...config.log, access: config.log.access === '-' ? '-' : optional(config.log.access) },
    auth: { ...config.auth, tokens: resolve(base, config.auth.tokens) },
  };
}

/** JSON Schema of the file, for editors. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
}
