// The section `sites` of the configuration: which host and path serves which bucket, by which protocol and
// rules.

import * as z from 'zod';
import { bucketNameSchema } from '../object_schema.ts';
import { patternSchema } from '../path_pattern.ts';
import { publicUrlSchema } from '../public_urls.ts';
import { decodedSitePath, sitePathSchema } from '../site_path.ts';
import { corsOf } from '../video_site.ts';
import { boundsSchema, mirrorSchema } from './mirror.ts';
import { registrySchema } from './registry.ts';
import { refuseLoops, refuseSharedMirrors, refuseWhatCannotBe } from './site_faults.ts';
import {
  cachingSchema,
  compressionSchema,
  corsSchema,
  fieldRuleSchema,
  isolationSchema,
  networksSchema,
  securitySchema,
  signedSchema,
  tagFieldsSchema,
} from './site_rules.ts';
import { upstreamNameSchema } from './upstreams.ts';

/** Seconds: a year. */
const mostWindow = 366 * 86_400;
const siteProtocols = ['web', 'objects', 'live', 'mirror', 'oci', 'bazel'] as const;

/** A day of segments of two seconds for 20 renditions; 100 renditions in parts of a fifth of a second. */
export const usualNames = { most: 1_000_000, perMinute: 30_000 };

/** A host name in lower case; `*.example.com`: every name below example.com; `*`: every host. */
const host = z.string().regex(/^(?:\*|(?:\*\.)?[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*|\[[0-9a-f:.]+\])$/, {
  error: 'expected a host name in lower case, *.name or *, without a port',
});

const objectName = z
  .string()
  .max(1024)
  .regex(/^[^/](?:.*[^/])?$/, { error: 'expected the name of an object, without a slash at its ends' })
  .refine((name) => name.split('/').every((each) => !['', '.', '..'].includes(each)), {
    error: 'expected a name without empty segments, . and ..',
  });

const redirectSchema = z.strictObject({
  from: patternSchema().describe('Path, or pattern: *, ** and {a,b} are captured.'),
  to: z
    .string()
    .max(2048)
    .regex(/^(?:\/(?![/\\])|https?:\/\/[^/\s?#$]+(?:[/?#]|$))[!-~]*$/, {
      error: 'expected a path that begins with one slash, or an http:// or https:// URL, percent-encoded',
    })
    .refine((to) => !/^https?:\/\/[^/?#]*@/.test(to), {
      error: 'expected a URL without a user name before its host',
    })
    .describe('Path or URL; $1 to $9 are what the pattern captured. The query of the request is kept.'),
  status: z
    .literal([301, 302, 307, 308])
    .default(308)
    .describe('301 and 308 are for ever, and caches keep them.'),
});

const siteSettings = z.strictObject({
  host: host.default('*').describe('Host name; *.NAME: every name below it; *: every host.'),
  path: sitePathSchema
    .default('/')
    .describe('Where its paths begin. The longest path of the most specific host wins.'),
  publicUrl: publicUrlSchema
    .optional()
    .describe(
      'URL that clients see in place of its host and path, behind a proxy that changes them: where ' +
        'redirects lead, and what sealgate sign and explain take. Default: what clients ask for.',
    ),
  name: z
    .string()
    .regex(/^[\w.:/*-]{1,100}$/, { error: 'expected 1 to 100 letters, digits and . _ : / * -' })
    .optional()
    .describe(
      'What metrics call it, and the access log with "site" in log.fields. Default: its host and path.',
    ),
  protocol: z
    .enum(siteProtocols)
    .default('web')
    .describe(
      'web: a bucket as a web site. objects: /o/ and /sha256/ below the path, with uploads. live: a ' +
        'publishing point, where a packager puts what players read. mirror: what upstreams have, fetched ' +
        'when it is first asked for. oci: a registry of container images, at a path that ends with /v2/. ' +
        'bazel: the HTTP cache of Bazel.',
    ),
  preset: z
    .literal('video')
    .optional()
    .describe(
      'video: what players need is the default of the site: Cache-Control by kind of name, pages of other ' +
        'origins, and CMCD in the access log and metrics. Its own settings come first. A ' +
        'publishing point has all that without, and caching of its own.',
    ),
  bucket: bucketNameSchema
    .optional()
    .describe('The bucket of a web site, publishing point, mirror, registry or build cache.'),
  prefix: z
    .string()
    .max(1024)
    .refine((prefix) => !/^\/|\/\/|\/\.{1,2}\/|^\.{1,2}\//.test(prefix), {
      error: 'expected what names begin with, without a slash at its start and empty segments, . and ..',
    })
    .optional()
    .describe('What names in the bucket begin with that are served here, for example "site/".'),
  index: objectName.optional().describe('Name that answers for a folder. Default: index.html.'),
  listing: z
    .enum(['off', 'html'])
    .optional()
    .describe('html: a folder without an index is answered with its names, a page at a time. Default: off.'),
  notFound: objectName.optional().describe('Object that is sent with 404, below the prefix.'),
  notFoundMaxAge: z
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .describe('Seconds for which caches may keep a 404. Default: 0, not at all.'),
  errorPages: z
    .record(
      z.string().regex(/^(?:401|403|410|500|503)$/, { error: 'expected 401, 403, 410, 500 or 503' }),
      objectName,
    )
    .optional()
    .describe('Objects that are sent with further statuses, by status.'),
  fallback: objectName
    .optional()
    .describe('Object that answers, with 200, for what is not there: the page of a single-page application.'),
  redirects: z.array(redirectSchema).max(1000).optional().describe('Tried in order, before objects.'),
  caching: z
    .array(cachingSchema)
    .max(100)
    .optional()
    .describe('Cache-Control by path; tried in order, the first match decides.'),
  compress: compressionSchema
    .optional()
    .describe('Whether text and the like is sent in br, zstd or gzip, made once each. Default: false.'),
  hashedNames: z
    .boolean()
    .optional()
    .describe('Whether caches may keep names with a hash, as app.3f2a9c1b.js, for a year.'),
  fields: z
    .array(fieldRuleSchema)
    .max(100)
    .optional()
    .describe('Response fields by path; all matches apply.'),
  tagFields: tagFieldsSchema
    .optional()
    .describe('Fields that tell a CDN the tags of an object: Surrogate-Key, Cache-Tag. Default: none.'),
  cacheStatus: z
    .boolean()
    .optional()
    .describe(
      'Whether answers say in Cache-Status if a kept plan made them, or why the application was asked. ' +
        'Default: false.',
    ),
  security: securitySchema.optional(),
  cors: corsSchema.optional().describe('Which pages of other origins may read answers. Default: none.'),
  isolation: isolationSchema.optional(),
  signed: signedSchema
    .optional()
    .describe('Signed URLs: who has one may read what it covers. Of a web site alone.'),
  allow: networksSchema
    .optional()
    .describe('Addresses and networks that are served; all others get 403. Default: all.'),
  deny: networksSchema
    .optional()
    .describe('Addresses and networks that get 403, also where allow has them. Default: none.'),
  auth: z
    .literal('token')
    .optional()
    .describe('token: reading takes a token here, also where auth.reads is open.'),
  readWhileWriting: z
    .array(patternSchema())
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Paths at which what is uploaded may be read while it arrives, if the name has nothing yet. Who ' +
        'reads it elsewhere needs the same of the site there. Default: none.',
    ),
  resumableUploads: z
    .strictObject({
      expireAfter: z
        .int()
        .min(1)
        .max(7 * 24 * 3600)
        .default(24 * 3600)
        .describe('Seconds from the last request of an upload until it is given up. Default: a day.'),
    })
    .optional()
    .describe(
      'Takes uploads in several requests at an objects site, by tus 1.0 and by the draft "Resumable ' +
        'Uploads for HTTP". Default: none.',
    ),
  rewrite: z
    .enum(['refuse', 'replace'])
    .optional()
    .describe(
      'What a segment that comes again to a publishing point with other bytes is: refused with 409, or ' +
        'a new version. Default: refuse.',
    ),
  blockingReload: z
    .boolean()
    .optional()
    .describe(
      'Whether players of HLS are told that they may ask for the next segment before it is there, while ' +
        'the playlist of a publishing point goes ahead in time. Default: true.',
    ),
  window: z
    .strictObject({
      seconds: z
        .int()
        .min(1)
        .max(mostWindow)
        .optional()
        .describe('Seconds from when a segment came until it is deleted and its name is free again.'),
      count: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe(
          'How many segments are kept of those whose names differ in their last number alone. Older ones ' +
            'are deleted.',
        ),
    })
    .refine(({ seconds, count }) => seconds !== undefined || count !== undefined, {
      error: 'expected seconds, or count, or both',
    })
    .optional()
    .describe('How long a publishing point keeps segments. Default: until they are deleted.'),
  upstreams: z
    .array(upstreamNameSchema)
    .min(1)
    .max(10)
    .optional()
    .describe(
      'Where a mirror fetches from, by the names in "upstreams". The next one is asked only for what the ' +
        'one before says that it does not have.',
    ),
  mirror: mirrorSchema.optional(),
  bazel: boundsSchema.optional().describe('How much a build cache keeps, and for how long.'),
  registry: registrySchema.optional(),
  names: z
    .strictObject({
      most: z
        .int()
        .min(1)
        .max(100_000_000)
        .default(usualNames.most)
        .describe('Names that a publishing point may have; another one gets 507. Default: 1000000.'),
      perMinute: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(usualNames.perMinute)
        .describe('New names in a minute; more get 429. Default: 30000.'),
    })
    .optional()
    .describe('How many names a packager may fill a publishing point with.'),
  webContent: z
    .boolean()
    .optional()
    .describe(
      'Whether HTML, SVG and XML of an objects site or a mirror may run scripts. Only where all uploads, ' +
        'and all upstreams, are trusted.',
    ),
});

/** A site without what its preset adds. */
export type WrittenSite = z.infer<typeof siteSettings>;

const siteSchema = siteSettings.superRefine(refuseWhatCannotBe).transform(({ cors: said, ...site }) => {
  const cors = corsOf({ ...site, cors: said });
  return { ...site, ...(cors && { cors }) };
});

export type SiteConfig = z.infer<typeof siteSchema>;

export const sitesSchema = z
  .array(siteSchema)
  .min(1)
  .max(1000)
  .superRefine((sites, context) => {
    refuseOverlaps(sites, context);
    refuseLoops(sites, context);
    refuseSharedMirrors(sites, context);
  });

function refuseOverlaps(sites: readonly SiteConfig[], context: z.RefinementCtx): void {
  const places = new Map<string, number>();
  const publicUrls = new Map<string, number>();
  for (const [index, { host, path, publicUrl }] of sites.entries()) {
    const place = host + decodedSitePath(path);
    refuseSecond(places, place, index, { setting: 'path', what: 'host or path', context });
    if (publicUrl !== undefined)
      refuseSecond(publicUrls, publicUrl, index, { setting: 'publicUrl', what: 'URL', context });
  }
}

function refuseSecond(
  known: Map<string, number>,
  value: string,
  index: number,
  { setting, what, context }: { setting: string; what: string; context: z.RefinementCtx },
): void {
  const first = known.get(value);
  if (first === undefined) known.set(value, index);
  else
    context.addIssue({
      code: 'custom',
      path: [index, setting],
      message: `expected another ${what} than sites.${first} has, ${value}`,
    });
}
