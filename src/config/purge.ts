// The section `purge` of the configuration: which requests tell a CDN or a cache what changed.

import * as z from 'zod';

const variables = ['url', 'urls', 'path', 'host', 'tag', 'tags', 'secret', 'signature'] as const;
type Variable = (typeof variables)[number];

/** Variables that stand for one of many, and that stand for many. */
const single: readonly Variable[] = ['url', 'path', 'tag'];
const many: readonly Variable[] = ['urls', 'tags'];
const ofTags: readonly Variable[] = ['tag', 'tags'];

/** The names in braces. */
function variablesIn(text: string): string[] {
  return [...text.matchAll(/\{([a-z]+)\}/g)].map(([, name = '']) => name);
}

const template = z
  .string()
  .max(4096)
  .refine((text) => variablesIn(text).every((name) => variables.includes(name as Variable)), {
    error: `expected no other variables than ${variables.map((name) => `{${name}}`).join(', ')}`,
  });

/** Fields that say how a message is framed, or are between two hops. */
const framing = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
]);
const fieldName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, { error: 'expected the name of a field' })
  .refine((name) => !framing.has(name.toLowerCase()), { error: 'expected another field: that one is made' });
const fieldValue = template.regex(/^[!-~](?:[\t -~]*[!-~])?$/, {
  error: 'expected printable ASCII without blanks at its ends',
});

const requestSchema = z
  .strictObject({
    method: z
      .string()
      .regex(/^[A-Z]{1,20}$/, { error: 'expected a method in upper case' })
      .default('POST'),
    url: template
      .regex(/^(?:https?:\/\/[^/\s?#@]+(?:[/?][!-~]*)?|\{url\})$/, {
        error: 'expected an http:// or https:// URL, or {url}',
      })
      .describe('Where it is sent. {url} alone: to the changed URL itself.'),
    fields: z.record(fieldName, fieldValue).default({}).describe('Request fields.'),
    body: z
      .union([z.record(z.string(), z.json()), z.array(z.json())])
      .optional()
      .describe('JSON; a text in it that is {urls} or {tags} alone becomes a list. Default: no body.'),
  })
  .superRefine((request, context) => {
    const fault = faultOf(request);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['url'], message: fault });
  });

export type PurgeRequest = z.infer<typeof requestSchema>;

/** The names in braces anywhere in a request. */
export function variablesOf({
  url,
  fields,
  body,
}: Pick<PurgeRequest, 'url' | 'fields' | 'body'>): Set<string> {
  return new Set(variablesIn([url, ...Object.values(fields), JSON.stringify(body ?? '')].join('\n')));
}

function faultOf(request: Pick<PurgeRequest, 'url' | 'fields' | 'body'>): string | undefined {
  const used = variablesOf(request);
  const has = (names: readonly Variable[]) => names.filter((name) => used.has(name));
  if (has(single).length > 0 && has(many).length > 0)
    return 'expected either one URL or tag ({url}, {path}, {tag}) or many ({urls}, {tags}) in a request';
  const urls = [...single, ...many].filter((name) => !ofTags.includes(name));
  if (has(ofTags).length > 0 && has(urls).length > 0)
    return 'expected either URLs or tags in a request; make a hook for each';
  if (variablesIn(request.url).some((name) => many.includes(name as Variable) || name === 'secret'))
    return 'expected {urls}, {tags} and {secret} in fields or the body only';
  if (variablesIn(request.url + JSON.stringify(request.body ?? '')).includes('signature'))
    return 'expected {signature} in fields only: it is made of the body';
  const example = request.url.replaceAll('{path}', '/x').replace(/\{[a-z]+\}/g, 'x');
  if (request.url !== '{url}' && !URL.canParse(example)) return 'expected an address that there can be';
  return undefined;
}

const hookSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
        error: 'expected 1 to 40 lower-case letters, digits and hyphens',
      })
      .describe('What metrics, logs and commands call it. Another name makes another queue.'),
    request: requestSchema.describe(
      'Tells of changes: by {url}, {path} and {host}, {urls}, {tag} or {tags}.',
    ),
    everything: requestSchema.describe(
      'Says that all may have changed: when the queue was full, or the hook is new. One for each {host}.',
    ),
    batch: z
      .int()
      .min(1)
      .max(1000)
      .default(30)
      .describe('Most URLs or tags of one request, where it takes many. Cloudflare takes 30, Fastly 256.'),
    secret: z
      .string()
      .min(1)
      .optional()
      .describe('File with one line that {secret} stands for, and that nobody else may read.'),
    signingKey: z
      .string()
      .min(1)
      .optional()
      .describe('File with a key, one line; {signature} is the HMAC-SHA256 of the body with it, in hex.'),
    timeoutSeconds: z.int().min(1).max(300).default(15).describe('Longest time for an answer.'),
    maxRetrySeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(300)
      .describe('Longest pause between two attempts; it begins with a second and doubles.'),
  })
  .superRefine((hook, context) => {
    const told = variablesOf(hook.request);
    if (![...single, ...many].some((name) => told.has(name)))
      context.addIssue({
        code: 'custom',
        path: ['request', 'url'],
        message: 'expected {url}, {path}, {urls}, {tag} or {tags} somewhere in the request',
      });
    const of = variablesOf(hook.everything);
    if ([...single, ...many].some((name) => of.has(name)))
      context.addIssue({
        code: 'custom',
        path: ['everything', 'url'],
        message: 'expected no other variables than {host}, {secret} and {signature}',
      });
    for (const [name, file] of [
      ['secret', hook.secret],
      ['signature', hook.signingKey],
    ] as const)
      if ((told.has(name) || of.has(name)) && file === undefined)
        context.addIssue({
          code: 'custom',
          path: [name === 'secret' ? 'secret' : 'signingKey'],
          message: `expected a file, since {${name}} is used`,
        });
  });

export type PurgeHook = z.infer<typeof hookSchema>;

export const purgeSchema = z
  .strictObject({
    hooks: z
      .array(hookSchema)
      .max(16)
      .refine((hooks) => new Set(hooks.map(({ name }) => name)).size === hooks.length, {
        error: 'expected each name once',
      })
      .default([])
      .describe('Each has its own queue. docs/purging.md has those of Fastly, Cloudflare and Varnish.'),
    maxWaiting: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(100_000)
      .describe('Changed names that may wait for a hook; with more, everything is purged in their place.'),
  })
  .prefault({});

/** Whether a hook purges by tags. */
export function isByTags({ request }: Pick<PurgeHook, 'request'>): boolean {
  const used = variablesOf(request);
  return ofTags.some((name) => used.has(name));
}

/** Whether a request tells of many at once. */
export function takesMany({ request }: Pick<PurgeHook, 'request'>): boolean {
  const used = variablesOf(request);
  return many.some((name) => used.has(name));
}
