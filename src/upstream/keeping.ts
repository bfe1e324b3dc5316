// Keeping: for how long what an upstream sent may be kept, and what is recorded of its answer.

import CachePolicy from 'http-cache-semantics';
import type { ObjectFields } from '../object_fields.ts';
import type { UpstreamHead, UpstreamValidators } from './fetching.ts';

/** Seconds: a year. */
const longest = 31_536_000;

/** Undefined: it may not be kept (RFC 9111 3). @returns seconds for which it is fresh. */
export function keptFor({ fields }: UpstreamHead): number | undefined {
  const policy = new CachePolicy(
    { method: 'GET', url: '/', headers: {} },
    { status: 200, headers: { ...fields } },
  );
  if (!policy.storable()) return undefined;
  const left = policy.maxAge() - policy.age();
  return Math.max(0, Math.min(Math.floor(left), longest));
}

/** Names of what is recorded beside an object. */
const noted = {
  upstream: 'upstream',
  etag: 'upstream-etag',
  modified: 'upstream-modified',
  derived: 'derived-from',
  lasting: 'derived-lasting',
} as const;

/** What is recorded of an object that came from this upstream. */
export function notedFields(upstream: string, { fields }: UpstreamHead): ObjectFields {
  const {
    etag,
    'last-modified': modified,
    'content-language': language,
    'content-disposition': disposition,
  } = fields;
  const said = (text: string | undefined) =>
    text !== undefined && text.length <= 1024 && /^[ -~]+$/.test(text) ? text : undefined;
  const validators = { [noted.etag]: said(etag), [noted.modified]: said(modified) };
  const meta = Object.entries({ [noted.upstream]: upstream, ...validators }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const contentLanguage = said(language);
  const contentDisposition = said(disposition);
  return {
    ...(contentLanguage !== undefined && { contentLanguage }),
    ...(contentDisposition !== undefined && { contentDisposition }),
    meta: Object.fromEntries(meta),
  };
}

/** What is recorded of an object that was made from others. @param from tells which, and how. */
export function derivedFields(from: string, { mayGo }: { mayGo: boolean }): ObjectFields {
  return { meta: { [noted.derived]: from, ...(!mayGo && { [noted.lasting]: 'yes' }) } };
}

/** Whether an object can be fetched, or made, again. */
export function mayBeHadAgain(fields: ObjectFields | undefined): boolean {
  const isMade = derivedFrom(fields) !== undefined && fields?.meta?.[noted.lasting] === undefined;
  return isMade || upstreamOf(fields) !== undefined;
}

/** What it was made from; undefined: it was not made here. */
export function derivedFrom(fields: ObjectFields | undefined): string | undefined {
  return fields?.meta?.[noted.derived];
}

/** The upstream that an object came from; undefined: somebody stored it. */
export function upstreamOf(fields: ObjectFields | undefined): string | undefined {
  return fields?.meta?.[noted.upstream];
}

/** By what this upstream tells whether its object is another now; undefined: it did not send it. */
export function validatorsOf(
  upstream: string,
  fields: ObjectFields | undefined,
): UpstreamValidators | undefined {
  const meta = fields?.meta;
  if (!meta || upstreamOf(fields) !== upstream) return undefined;
  const { [noted.etag]: etag, [noted.modified]: modified } = meta;
  return etag === undefined && modified === undefined ? undefined : { etag, modified };
}

/** The upstream's Last-Modified, as it said it; undefined: it said none that is a date. */
export function modifiedOf(fields: ObjectFields | undefined): string | undefined {
  const modified = fields?.meta?.[noted.modified];
  return modified === undefined || Number.isNaN(Date.parse(modified)) ? undefined : modified;
}

/** The fields of an object that are its own. */
export function withoutNotes(fields: ObjectFields | undefined): ObjectFields | undefined {
  if (!fields?.meta) return fields;
  const own = Object.entries(fields.meta).filter(([name]) => !Object.values<string>(noted).includes(name));
  const { meta: _, ...others } = fields;
  return own.length === 0 ? others : { ...others, meta: Object.fromEntries(own) };
}
