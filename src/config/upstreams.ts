// The section `upstreams` of the configuration: the servers that objects are fetched from, and the buckets
// that are shared over one of them.

import * as z from 'zod';
import { bucketNameSchema } from '../object_schema.ts';

const GiB = 2 ** 30;

export const upstreamNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
  error: 'expected 1 to 40 lower-case letters, digits and hyphens',
});

const address = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[!-~]+$/, { error: 'expected an http:// or https:// URL, percent-encoded' })
  .refine((text) => URL.canParse(text), { error: 'expected an address that there can be' })
  .refine((text) => !/[?#]/.test(text), { error: 'expected a URL without a query and a fragment' })
  .refine((text) => !/^https?:\/\/[^/]*@/.test(text), {
    error:
      'expected a URL without a user name; a token goes into the file "token", a user name and a password ' +
      'into the file "credentials"',
  })
  // What is asked for goes behind it.
  .transform((text) => (text.endsWith('/') ? text : `${text}/`));

const hostName = z.string().regex(/^(?:\*\.)?[a-z0-9.-]{1,253}$|^\[[0-9a-f:.]+\]$/, {
  error: 'expected a host name in lower case, *.NAME or an address, without a port',
});

function seconds(fallback: number, what: string) {
  return z.number().min(0.1).max(86_400).default(fallback).describe(`Seconds. ${what}`);
}

const s3Schema = z
  .strictObject({
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,62}$/, { error: 'expected the name of a bucket' })
      .describe('The bucket there, which has to exist. It is asked for in the path, behind "url".'),
    region: z
      .string()
      .regex(/^[\w-]{1,64}$/, { error: 'expected the name of a region' })
      .default('us-east-1')
      .describe('The region that requests are signed for; that of Ceph is "default" where none is set.'),
    accessKey: z.string().min(1).describe('File with one line: the access key.'),
    secretKey: z.string().min(1).describe('File with one line: the secret key.'),
  })
  .describe('The upstream is an S3-compatible store, and requests to it are signed (AWS Signature 4).');

const registrySchema = z
  .strictObject({
    credentials: z
      .string()
      .min(1)
      .optional()
      .describe(
        'File with one line USER:PASSWORD, which goes to the registry itself, or to its token server.',
      ),
    realms: z
      .array(
        z.string().regex(/^[a-z0-9.-]{1,253}$|^\[[0-9a-f:.]+\]$/, {
          error: 'expected a host name in lower case or an address, without a port',
        }),
      )
      .max(10)
      .default([])
      .describe('Hosts of its token servers, where that is not its own.'),
    namespaces: z
      .array(
        z
          .string()
          .max(253)
          .regex(/^[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*$/, {
            error: 'expected a host name in lower case, without a port',
          }),
      )
      .max(20)
      .default([])
      .describe('Names of registries that clients choose it by: ?ns=NAME, or a repository NAME/REPOSITORY.'),
  })
  .describe('How a registry of container images is spoken to. Its "url" ends with /v2/.');

const upstreamSchema = z
  .strictObject({
    url: address.describe('Where its files begin; the name of an object goes behind it.'),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with the CA certificates that its certificate may come from. Default: the public.'),
    certificate: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file with a certificate of this server, for an upstream that asks for one.'),
    key: z.string().min(1).optional().describe('PEM file with the private key of the certificate.'),
    proxy: z
      .string()
      .max(2048)
      .regex(/^http:\/\/[^/?#@\s]+\/?$/, { error: 'expected http://HOST:PORT' })
      .refine((text) => URL.canParse(text), { error: 'expected an address that there can be' })
      .optional()
      .describe(
        'A proxy by which it is reached: https:// by CONNECT, http:// by requests for whole URLs. It looks ' +
          'names up, so that redirects lead to hosts of redirectsTo alone.',
      ),
    proxyCredentials: z
      .string()
      .min(1)
      .optional()
      .describe('File with one line USER:PASSWORD that the proxy takes.'),
    token: z
      .string()
      .min(1)
      .optional()
      .describe('File with one line that is sent as a bearer token, to this URL and to no other server.'),
    credentials: z
      .string()
      .min(1)
      // What is written here in place of a file is not to be looked for, and told as what is not there.
      .refine((path) => !path.includes(':'), {
        error: 'expected the path (without a colon) of a file with a line USER:PASSWORD, not that line',
      })
      .optional()
      .describe(
        'File with one line USER:PASSWORD that is sent as Basic authentication, to this URL and to no ' +
          'other server.',
      ),
    s3: s3Schema.optional(),
    registry: registrySchema.optional(),
    connectSeconds: seconds(5, 'Longest time until a connection stands, with TLS.'),
    firstByteSeconds: seconds(20, 'Longest time from the request until the head of the answer.'),
    idleSeconds: seconds(20, 'Longest time between two pieces of a body.'),
    totalSeconds: seconds(3600, 'Longest time of a fetch, with all its attempts.'),
    attempts: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .describe('How often an object is tried. A body that broke off goes on where it ended.'),
    maxBytes: z
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .default(64 * GiB)
      .describe('Bytes. A larger object is not taken.'),
    offline: z
      .boolean()
      .default(false)
      .describe('Whether it is never asked: what is kept is sent, however old, and the rest is 503.'),
    concurrency: z.int().min(1).max(1000).default(16).describe('Most fetches at a time.'),
    waiting: z
      .int()
      .min(0)
      .max(100_000)
      .default(1000)
      .describe('Most fetches that wait for their turn; further ones are answered with 503.'),
    redirects: z.int().min(0).max(20).default(5).describe('Most redirects that are followed in a row.'),
    redirectsTo: z
      .array(hostName)
      .max(100)
      .default([])
      .describe(
        'Hosts that redirects may lead to though they have private or link-local addresses; *.NAME: every ' +
          'name below it. Public ones need no entry.',
      ),
  })
  .refine(({ proxy, proxyCredentials }) => proxy !== undefined || proxyCredentials === undefined, {
    path: ['proxy'],
    error: 'expected the proxy that takes "proxyCredentials"',
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    path: ['key'],
    error: 'expected "certificate" and "key", or neither',
  })
  .refine(({ token, credentials }) => token === undefined || credentials === undefined, {
    path: ['credentials'],
    error: 'expected nothing beside "token", as a request shows one of them',
  })
  .refine(({ s3, registry, credentials }) => credentials === undefined || !(s3 ?? registry), {
    path: ['credentials'],
    error: 'expected nothing beside "s3" and "registry", which have their own',
  })
  .refine(({ s3, token }) => s3 === undefined || token === undefined, {
    path: ['token'],
    error: 'expected nothing beside "s3", whose keys sign each request',
  })
  .describe('A server that objects are fetched from.');

export type UpstreamConfig = z.infer<typeof upstreamSchema>;

export const upstreamsSchema = z
  .record(upstreamNameSchema, upstreamSchema)
  .refine((upstreams) => Object.keys(upstreams).length <= 100, { error: 'expected at most 100 upstreams' })
  .default({})
  .describe('Servers that sites of the protocol mirror fetch from, by name.');

export const sharedBucketsSchema = z
  .record(
    bucketNameSchema,
    z.strictObject({
      upstream: upstreamNameSchema.describe('The upstream, with "s3", that other nodes share it over.'),
      freshSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(5)
        .describe('Seconds for which a name is served as it was when the upstream was asked last.'),
    }),
  )
  .default({})
  .describe(
    'Buckets that several servers share over an S3-compatible store: what is stored is acknowledged when ' +
      'the store has it, and what another server stored is read from there.',
  );

/** Sites that fetch from upstreams which there are not. */
export function refuseUnknownUpstreams(
  {
    sites = [],
    upstreams,
  }: { sites?: { upstreams?: string[] | undefined }[] | undefined; upstreams: object },
  context: z.RefinementCtx,
): void {
  for (const [index, site] of sites.entries())
    for (const [at, name] of (site.upstreams ?? []).entries())
      if (!Object.hasOwn(upstreams, name))
        context.addIssue({
          code: 'custom',
          path: ['sites', index, 'upstreams', at],
          message: 'expected a name that is in "upstreams"',
        });
}

/** Shared buckets that are not declared, and those over what is no S3-compatible store. */
export function refuseUnshareable(
  {
    buckets,
    sharedBuckets,
    sites = [],
    upstreams,
  }: {
    buckets: object;
    sites?: { protocol: string; bucket?: string | undefined }[] | undefined;
    sharedBuckets: Record<string, { upstream: string }>;
    upstreams: Record<string, Pick<UpstreamConfig, 's3'>>;
  },
  context: z.RefinementCtx,
): void {
  for (const [bucket, { upstream }] of Object.entries(sharedBuckets)) {
    const refuse = (path: string[], message: string) =>
      context.addIssue({ code: 'custom', path: ['sharedBuckets', bucket, ...path], message });
    if (!Object.hasOwn(buckets, bucket)) refuse([], 'expected a bucket that is in "buckets"');
    if (!upstreams[upstream]?.s3) refuse(['upstream'], 'expected a name in "upstreams" that has "s3"');
    if (sites.some((site) => site.protocol === 'bazel' && site.bucket === bucket))
      refuse([], 'expected a bucket that is no build cache, which has to know all its blobs by itself');
  }
}
