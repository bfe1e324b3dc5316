// The rules of a site that say how its answers may be used: caches, other origins, browsers.

import * as z from 'zod';
import { contentCodings } from '../content_coding.ts';
import { withoutHostBits } from '../networks.ts';
import { patternSchema } from '../path_pattern.ts';
import { keyIdOf, keyIdPattern } from '../signed_urls.ts';

const year = 31_536_000;

function seconds(what: string) {
  return z.int().min(0).max(year).optional().describe(`Seconds. ${what}`);
}

export const cachingSchema = z
  .strictObject({
    match: patternSchema().describe('Pattern of paths as clients see them.'),
    value: z
      .enum(['immutable', 'revalidate', 'no-store'])
      .optional()
      .describe('immutable: for a year. revalidate: kept, and asked about each time. no-store: not kept.'),
    maxAge: seconds('How long anybody may keep the answer (max-age).'),
    sMaxAge: seconds('How long shared caches may, in place of maxAge (s-maxage).'),
    staleWhileRevalidate: seconds('How long after that it may be used while a new one is fetched.'),
    staleIfError: seconds('How long after that it may be used when no new one can be fetched.'),
    override: z
      .boolean()
      .default(false)
      .describe('Whether it takes the place of the Cache-Control that is recorded of an object, too.'),
  })
  .superRefine((rule, context) => {
    const fault = contradiction(rule);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: [fault[0]], message: fault[1] });
  });

export type CachingRule = z.infer<typeof cachingSchema>;

function contradiction(rule: Omit<CachingRule, 'match' | 'override'>): [string, string] | undefined {
  const { value, maxAge, sMaxAge, staleWhileRevalidate, staleIfError } = rule;
  const fresh = maxAge ?? sMaxAge;
  const times = { maxAge, sMaxAge, staleWhileRevalidate, staleIfError };
  const given = Object.entries(times).find(([, time]) => time !== undefined)?.[0];
  if (value !== undefined && given !== undefined)
    return [given, `expected nothing beside "value": "${value}", which says it all`];
  if (value === undefined && fresh === undefined)
    return [given ?? 'value', 'expected a value, or maxAge or sMaxAge besides'];
  return undefined;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Fields that frame the message, that the engine makes, or that another setting says. */
const refusedFields: Record<string, string> = {
  'content-length': 'the server makes it',
  'transfer-encoding': 'the server makes it',
  connection: 'the server makes it',
  'keep-alive': 'the server makes it',
  upgrade: 'the server makes it',
  trailer: 'the server makes it',
  te: 'the server makes it',
  'proxy-connection': 'it is between two hops',
  'proxy-authenticate': 'it is between two hops',
  'proxy-authorization': 'it is between two hops',
  'proxy-authentication-info': 'it is between two hops',
  age: 'caches make it',
  via: 'proxies make it',
  allow: 'the server makes it',
  date: 'the server makes it',
  server: 'the server makes it',
  etag: 'the server makes it',
  'last-modified': 'the server makes it',
  'accept-ranges': 'the server makes it',
  'content-range': 'the server makes it',
  'repr-digest': 'the server makes it',
  'content-digest': 'the server makes it',
  location: 'it is for redirects',
  'www-authenticate': 'the server makes it',
  'content-type': 'it is recorded of each object',
  'content-encoding': 'it is recorded of each object',
  'cache-control': 'it is for caching',
};

const fieldName = z.string().superRefine((name, context) => {
  const refuse = (message: string) => context.addIssue({ code: 'custom', message });
  const lower = name.toLowerCase();
  if (!token.test(name)) return refuse('expected the name of a field');
  if (lower.startsWith('access-control-')) return refuse('expected another field: this one is for cors');
  const why = Object.hasOwn(refusedFields, lower) ? refusedFields[lower] : undefined;
  if (why !== undefined) refuse(`expected another field: ${why}`);
});

const fieldValue = z
  .string()
  .max(4096)
  .regex(/^[!-~](?:[\t -~]*[!-~])?$/, { error: 'expected printable ASCII without blanks at its ends' });

export const fieldRuleSchema = z.strictObject({
  match: patternSchema().describe('Pattern of paths as clients see them.'),
  set: z.record(fieldName, fieldValue).default({}).describe('Fields in place of what there is.'),
  add: z.record(fieldName, fieldValue).default({}).describe('Further fields.'),
  remove: z.array(fieldName).default([]).describe('Names of fields that are left out.'),
});

/** Response fields that tell a CDN by what tags an answer is purged. */
export const tagFields = ['Surrogate-Key', 'Cache-Tag'] as const;
export type TagField = (typeof tagFields)[number];
/** Fastly and Cloudflare read so much of such a field. */
export const maxTagFieldBytes = 16 * 1024;

export const tagFieldsSchema = z
  .array(z.enum(tagFields))
  .min(1)
  .max(tagFields.length)
  .refine((names) => new Set(names).size === names.length, { error: 'expected each field once' });

export type FieldRule = z.infer<typeof fieldRuleSchema>;

export const securitySchema = z.strictObject({
  nosniff: z.boolean().default(true).describe('X-Content-Type-Options: nosniff.'),
  hsts: z
    .strictObject({
      maxAge: z.int().min(0).describe('Seconds.'),
      includeSubDomains: z.boolean().default(false),
      preload: z.boolean().default(false),
    })
    .refine(({ preload, includeSubDomains, maxAge }) => !preload || (includeSubDomains && maxAge >= year), {
      path: ['preload'],
      error: 'expected includeSubDomains and a maxAge of a year or more besides',
    })
    .optional()
    .describe('Strict-Transport-Security. Browsers use no plain HTTP for the host until maxAge is over.'),
  contentSecurityPolicy: fieldValue.optional().describe('Content-Security-Policy.'),
  frameOptions: z.enum(['DENY', 'SAMEORIGIN']).optional().describe('X-Frame-Options.'),
  referrerPolicy: fieldValue.optional().describe('Referrer-Policy.'),
  permissionsPolicy: fieldValue.optional().describe('Permissions-Policy.'),
});

export const isolationSchema = z
  .strictObject({
    resource: z.enum(['same-origin', 'same-site', 'cross-origin']).optional(),
    embedder: z.enum(['require-corp', 'credentialless', 'unsafe-none']).optional(),
    opener: z
      .enum(['same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'])
      .optional(),
  })
  .describe('Cross-Origin-Resource-Policy, Cross-Origin-Embedder-Policy, Cross-Origin-Opener-Policy.');

const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/(?:\*\.)?[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*(?::[1-9]\d{0,4})?)$/, {
    error: 'expected an origin as browsers send it, https://name or http://name:port, https://*.name, or *',
  })
  .refine((text) => Number(/:(\d+)$/.exec(text)?.[1] ?? 0) <= 65_535, {
    error: 'expected a port up to 65535',
  })
  .refine((text) => !/^http:\/\/[^:]*:80$|^https:\/\/[^:]*:443$/.test(text), {
    error: "expected an origin without its scheme's own port, as browsers send it",
  });

const tokens = z.array(z.string().regex(token, { error: 'expected a name' })).max(100);

const usualExposed = ['Accept-Ranges', 'Content-Range', 'ETag', 'Repr-Digest'];

export const corsSchema = z
  .strictObject({
    origins: z
      .array(origin)
      .min(1)
      .max(100)
      .describe('Origins whose pages may read answers; https://*.NAME: every name below it; *: all.'),
    methods: tokens
      .optional()
      .describe(
        'Methods that their scripts may use. Default: GET and HEAD; where there are resumableUploads, also ' +
          'POST, PATCH and DELETE.',
      ),
    headers: tokens
      .default(['*'])
      .describe('Request fields that their scripts may send; *: every field that they ask for.'),
    exposed: tokens
      .optional()
      .describe(
        'Response fields that their scripts may read besides those that all may. Default: ' +
          `${usualExposed.join(', ')}; of a video site also what players need, and with resumableUploads ` +
          'what clients of these read.',
      ),
    credentials: z.boolean().default(false).describe('Whether browsers send cookies and certificates along.'),
    maxAge: z
      .int()
      .min(0)
      .max(86_400)
      .optional()
      .describe('Seconds for which browsers keep permissions. Default: 600, and a day of a video site.'),
    timing: z
      .boolean()
      .optional()
      .describe('Whether their pages may measure transfers in detail. Default: of a video site alone.'),
    privateNetwork: z
      .boolean()
      .default(false)
      .describe('Whether public pages may reach it in a private network.'),
  })
  .refine(({ origins, credentials }) => !credentials || !origins.includes('*'), {
    path: ['origins'],
    error: 'expected a list without *, since credentials are allowed',
  })
  .refine(({ origins }) => !origins.includes('*') || origins.length === 1, {
    path: ['origins'],
    error: 'expected nothing beside *',
  });

/** Fonts of woff and woff2, images, video and archives are compressed by themselves. */
const compressible = [
  'text/*',
  'application/javascript',
  'application/json',
  'application/*+json',
  'application/xml',
  'application/*+xml',
  'application/wasm',
  'application/rtf',
  'application/vnd.apple.mpegurl',
  'application/vnd.ms-fontobject',
  'image/svg+xml',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
  'font/ttf',
  'font/otf',
];
const MiB = 1024 * 1024;

const compressionSettings = z
  .strictObject({
    codings: z
      .array(z.enum(contentCodings))
      .min(1)
      .default([...contentCodings])
      .describe('Codings to offer; the best that a client takes is sent.'),
    types: z
      .array(
        z.string().regex(/^[a-z0-9.-]+\/(?:\*|[a-z0-9.+-]+|\*\+[a-z0-9.-]+)$/, {
          error: 'expected a media type in lower case, type/* or type/*+suffix',
        }),
      )
      .max(100)
      .default(compressible)
      .describe('Media types that are coded.'),
    minBytes: z.int().min(0).max(MiB).default(256).describe('Smaller files are sent as they are.'),
    maxBytes: z
      .int()
      .min(1)
      .max(1024 * MiB)
      .default(64 * MiB)
      .describe('Larger files are sent as they are.'),
  })
  .refine(({ minBytes, maxBytes }) => minBytes <= maxBytes, {
    path: ['minBytes'],
    error: 'expected at most maxBytes',
  });

export const compressionSchema = z.union([z.boolean(), compressionSettings], {
  error: 'expected true, false or an object with codings, types, minBytes and maxBytes',
});

export type CompressionRule = z.infer<typeof compressionSettings>;
/** What `true` says. */
export const usualCompression = compressionSettings.parse({});
type WrittenCors = z.infer<typeof corsSchema>;
/** With what stands for settings that are left out. */
export type CorsRule = { [Setting in keyof WrittenCors]-?: NonNullable<WrittenCors[Setting]> };
/** What a site shares that says no more than its origins. */
export const usualCors: CorsRule = {
  ...corsSchema.parse({ origins: ['*'] }),
  ...{ methods: ['GET', 'HEAD'], exposed: usualExposed, maxAge: 600, timing: false },
};
export type SecurityRule = z.infer<typeof securitySchema>;
export type IsolationRule = z.infer<typeof isolationSchema>;

const keyFile = z
  .string()
  .min(1)
  .refine((file) => keyIdPattern.test(keyIdOf(file)), {
    error: 'expected a file whose name has letters, digits, dots, - and _ alone: URLs name the key by it',
  });

export const signedSchema = z.strictObject({
  keys: z
    .array(keyFile)
    .min(1)
    .max(16)
    .superRefine((files, context) => {
      const ids = files.map(keyIdOf);
      for (const [index, id] of ids.entries())
        if (ids.indexOf(id) < index)
          context.addIssue({
            code: 'custom',
            path: [index],
            message: `expected another id than ${id} again`,
          });
    })
    .describe(
      'Files with a key each, one line of at least 32 characters, that nobody else may read. URLs name ' +
        "a key by its file, without .key. 'sealgate sign' uses the first, and all verify. A path may begin " +
        'with $CREDENTIALS_DIRECTORY/.',
    ),
  required: z
    .boolean()
    .default(true)
    .describe('Whether nothing is read without a signature; false: who may read anyway needs none.'),
  sharedCaches: z
    .boolean()
    .default(false)
    .describe(
      'Whether shared caches may keep answers. Only where a CDN in front verifies signatures itself.',
    ),
});

export const networkTextSchema = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'expected an IP address, or a network as 192.0.2.0/24 or 2001:db8::/32',
});

/** One with bits behind its length may be a slip: nobody knows which was meant. */
const network = networkTextSchema.refine((text) => withoutHostBits(text) === undefined, {
  error: (issue) =>
    `expected ${withoutHostBits(String(issue.input))}, as the bits behind the length say nothing`,
});

/** What stands for the address of all who connect to a unix socket. */
const unixPeers = z.literal('unix:');

export const networksSchema = z
  .array(z.union([network, unixPeers], { error: (issue) => whyNoNetwork(issue as never) }))
  .max(1000);

function whyNoNetwork({ errors: [ofNetwork = []] }: { errors: z.core.$ZodIssue[][] }): string {
  return ofNetwork[0]?.message ?? 'expected a network';
}
