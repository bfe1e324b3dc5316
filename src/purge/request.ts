// Requests that tell of changes, made of the template of a hook.

import { createHmac } from 'node:crypto';
import { isByTags, type PurgeHook, type PurgeRequest, takesMany, variablesOf } from '../config/purge.ts';

/** Characters of a list in a field: servers take 8 KiB for a head and more. */
const maxFieldList = 4 * 1024;

/** A request as it is sent. */
export interface Told {
  method: string;
  url: string;
  fields: Record<string, string>;
  body: string;
}

/** What a template is filled with. */
interface Values {
  url?: string;
  host?: string;
  urls?: readonly string[];
  tag?: string;
  tags?: readonly string[];
}

export interface Secrets {
  secret: string;
  signingKey: string;
}

export interface What {
  urls: readonly string[];
  /** Without repetitions. */
  tags: readonly string[];
}

/** What each request of a hook says. */
export function valuesFor(hook: PurgeHook, { urls, tags }: What): Values[] {
  const byTags = isByTags(hook);
  const all = byTags ? tags : urls;
  if (!takesMany(hook)) return all.map((each) => (byTags ? { tag: each } : { url: each }));
  return batchesOf(all, hook).map((some) => (byTags ? { tags: some } : { urls: some }));
}

function batchesOf(all: readonly string[], { batch, request }: PurgeHook): string[][] {
  const isInField = Object.values(request.fields).some((value) => /\{(?:urls|tags)\}/.test(value));
  const batches: string[][] = [];
  let last: string[] = [];
  let characters = 0;
  for (const each of all) {
    const isLong = isInField && characters + each.length > maxFieldList;
    if (last.length === 0 || last.length === batch || isLong) {
      last = [];
      batches.push(last);
      characters = 0;
    }
    last.push(each);
    characters += each.length + 1;
  }
  return batches;
}

/** Those that say that everything changed. */
export function valuesForAll(hook: PurgeHook, hosts: readonly string[]): Values[] {
  return variablesOf(hook.everything).has('host') ? hosts.map((host) => ({ host })) : [{}];
}

export function told(request: PurgeRequest, values: Values, secrets: Secrets): Told {
  const { secret } = secrets;
  const asked = values.url === undefined ? undefined : new URL(values.url);
  const one: Record<string, string | undefined> = {
    url: values.url,
    path: asked && asked.pathname + asked.search,
    host: values.host ?? asked?.host,
    tag: values.tag,
    secret,
  };
  const fill = (text: string, how: (value: string) => string = (value) => value) =>
    text.replace(/\{([a-z]+)\}/g, (whole, name: string) => {
      const value = one[name];
      if (value !== undefined) return name === 'secret' ? value : how(value);
      return name === 'urls' || name === 'tags' ? (values[name] ?? []).join(' ') : whole;
    });
  const body = request.body === undefined ? '' : JSON.stringify(filled(request.body, values, fill));
  one.signature = createHmac('sha256', secrets.signingKey).update(body).digest('hex');
  const fields = Object.entries(request.fields).map(([name, value]) => [name, fill(value)]);
  const [before = '', ...query] = request.url.split('?');
  const path = fill(before, (value) => (value === values.tag ? encodeURIComponent(value) : value));
  const url = [path, ...query.map((text) => fill(text, encodeURIComponent))].join('?');
  return { method: request.method, url, fields: Object.fromEntries(fields), body };
}

// Values are put into texts of the JSON, never into its text: nothing in a name ends a string.
function filled(value: unknown, values: Values, fill: (text: string) => string): unknown {
  if (value === '{urls}') return values.urls;
  if (value === '{tags}') return values.tags;
  if (typeof value === 'string') return fill(value);
  if (Array.isArray(value)) return value.map((each) => filled(each, values, fill));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, values, fill)]));
}
