// ObjectFields: what is recorded of an object besides its bytes, their type and its times, and is given back
// with it. One validator for every way in: HTTP, the command line, the library.

import { safeParse } from 'fast-content-type-parse';
import { type Dictionary, parseDictionary, serializeDictionary, Token } from 'structured-headers';
import { SealgateError } from './errors.ts';
import { isRecordedType } from './media_type.ts';

export interface ObjectFields {
  contentEncoding?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  cacheControl?: string;
  /** Tags by which a CDN purges it, with blanks between them. They are for the CDN, and not for readers. */
  surrogateKey?: string;
  /** What its owner notes; names in lower case. */
  meta?: Record<string, string>;
}

/** As an interface reads them: a field may be said to be unknown. */
export type GivenFields = { [Field in keyof ObjectFields]?: ObjectFields[Field] | undefined };

/** What a user's own fields are called in HTTP, in lower case: this, and a name. */
export const metaPrefix = 'sealgate-meta-';

/** What Cloudflare and others call Surrogate-Key; tags have commas between them there. */
const otherTagField = 'cache-tag';

/** Of those that are neither of meta nor the media type. */
const fieldNames = {
  contentEncoding: 'Content-Encoding',
  contentLanguage: 'Content-Language',
  contentDisposition: 'Content-Disposition',
  cacheControl: 'Cache-Control',
  surrogateKey: 'Surrogate-Key',
} as const satisfies Partial<Record<keyof ObjectFields, string>>;
type TextField = keyof typeof fieldNames;
const textFields = Object.keys(fieldNames) as TextField[];

/**
 * Bytes of all fields as they are sent. They are part of every answer, of which clients take 16 KiB and more,
 * and of a commit.
 */
export const maxFieldBytes = 8 * 1024;
/** Characters of a tag: as many as Fastly and Cloudflare take. */
const maxTag = 1024;
/** Fields of a user: clients take some 100 fields in all. */
const maxMeta = 64;
/** Characters of a name that a refusal repeats. */
const shownCharacters = 60;

const codings = ['gzip', 'br', 'zstd', 'deflate'];
/** Older names of the same (RFC 9110 8.4.1). */
const codingAliases: Record<string, string> = { 'x-gzip': 'gzip' };
/** Directives of requests alone (RFC 9111 5.2.1). */
const requestDirectives = ['only-if-cached', 'max-stale', 'min-fresh'];
/** Directives whose value is a number of seconds. */
const secondsDirectives = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'];

/**
 * The same fields as they are recorded: blanks at the ends and what says nothing are left out. Throws
 * `fields-invalid`, and `coding-refused` for a coding that is not known.
 */
export function checkedFields(given: GivenFields): ObjectFields {
  const fields: ObjectFields = {};
  for (const field of textFields) {
    const text = checkedText(fieldNames[field], given[field] ?? '');
    const value = text === '' ? '' : checks[field](text);
    if (value !== '') fields[field] = value;
  }
  const meta = checkedMeta(given.meta ?? {});
  if (meta.length > 0) fields.meta = Object.fromEntries(meta);
  const bytes = fieldBytes(fields);
  if (bytes > maxFieldBytes)
    refuse(`The fields of an object have up to ${maxFieldBytes} bytes, not ${bytes}.`);
  return fields;
}

/** Bytes of the fields as HTTP/1.1 sends them. */
export function fieldBytes(fields: ObjectFields): number {
  return allFields(fields).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

/**
 * The fields that go with the object's bytes: Cache-Control goes with every answer about it, and tags where a
 * site says so.
 */
export function contentFields(fields: ObjectFields): [name: string, value: string][] {
  const { cacheControl: _, surrogateKey: __, ...others } = fields;
  return allFields(others);
}

/** The fields that every reader may know. */
export function publicFields({ surrogateKey: _, ...others }: ObjectFields): ObjectFields {
  return others;
}

/** The tags in a recorded or given text. */
export function tagsIn(text: string): string[] {
  return [...new Set(text.split(/[\t ,]+/).filter((tag) => tag !== ''))];
}

/** The fields as HTTP says them. */
export function allFields(fields: ObjectFields): [name: string, value: string][] {
  const texts = textFields.flatMap((field): [string, string][] => {
    const value = fields[field];
    return value === undefined ? [] : [[fieldNames[field], value]];
  });
  return [
    ...texts,
    ...Object.entries(fields.meta ?? {}).map(([name, value]): [string, string] => [metaPrefix + name, value]),
  ];
}

/** Whether the same is recorded. */
function isSameFields(one: ObjectFields = {}, other: ObjectFields = {}): boolean {
  if (textFields.some((field) => one[field] !== other[field])) return false;
  const [its, others] = [Object.entries(one.meta ?? {}), other.meta ?? {}];
  return (
    its.length === Object.keys(others).length &&
    its.every(([name, value]) => Object.hasOwn(others, name) && others[name] === value)
  );
}

/** The caller's word about bytes. Undefined: none, and what is on record of the same bytes stays. */
export interface Said {
  mediaType: string | undefined;
  fields: ObjectFields | undefined;
}

/** How the caller's word differs from what is on record of the same bytes. */
export function differenceOf(
  { mediaType, fields }: Said,
  recorded: { mediaType: string; fields?: ObjectFields },
): 'media-type-differs' | 'fields-differ' | undefined {
  if (mediaType !== undefined && !isRecordedType(mediaType, recorded.mediaType)) return 'media-type-differs';
  return fields === undefined || isSameFields(fields, recorded.fields) ? undefined : 'fields-differ';
}

/** The fields of an answer or a request as they were sent, unchecked; undefined: there is none. */
export function fieldsIn(
  names: Iterable<string>,
  get: (name: string) => string | undefined,
): ObjectFields | undefined {
  const found: ObjectFields = {};
  for (const field of textFields) {
    const value = get(fieldNames[field].toLowerCase());
    if (value !== undefined) found[field] = value;
  }
  const tags = [found.surrogateKey, get(otherTagField)].filter((value) => value !== undefined);
  if (tags.length > 0) found.surrogateKey = tags.join(' ');
  const meta = [...names].filter((name) => name.startsWith(metaPrefix));
  if (meta.length > 0)
    found.meta = Object.fromEntries(meta.map((name) => [name.slice(metaPrefix.length), get(name) ?? '']));
  return Object.keys(found).length === 0 ? undefined : found;
}

/**
 * The recorded Cache-Control for readers who had to be given the right to read: no cache that others share
 * may keep the answer.
 */
export function privately(cacheControl: string): string {
  const directives = directivesOf(cacheControl);
  for (const name of ['private', 'public', 's-maxage']) directives?.delete(name);
  const rest = directives && directives.size > 0 ? serializeDictionary(directives) : '';
  return rest === '' ? 'private' : `private, ${rest}`;
}

/** A Cache-Control by which shared caches keep an answer for `seconds` at most, and others as before. */
export function brieflyShared(cacheControl: string, seconds: number): string {
  const directives = directivesOf(cacheControl);
  const fresh = Number((directives?.get('s-maxage') ?? directives?.get('max-age'))?.[0] ?? 0);
  if (!directives || fresh <= seconds || directives.has('private')) return cacheControl;
  directives.set('s-maxage', [seconds, new Map()]);
  return serializeDictionary(directives);
}

/**
 * A Cache-Control without the directives by which a cache would keep an answer for longer than `seconds`;
 * `longest`: for how long one keeps it by those that are left. `isCut`: a freshness was left out.
 */
export function shortLived(
  cacheControl: string,
  seconds: number,
): { text: string; longest: number; isCut: boolean } {
  const directives = directivesOf(cacheControl);
  if (!directives) return { text: cacheControl, longest: 0, isCut: false };
  const said = (name: string) => Number(directives.get(name)?.[0] ?? 0);
  const isTooLong = (name: string, fresh: number) => directives.has(name) && fresh + said(name) > seconds;
  const before = directives.size;
  for (const name of ['max-age', 's-maxage']) if (isTooLong(name, 0)) directives.delete(name);
  const isCut = directives.size < before;
  const fresh = Math.max(said('max-age'), said('s-maxage'));
  const stale = ['stale-while-revalidate', 'stale-if-error'];
  // What is fresh until the end may not be used behind it.
  for (const name of stale) if (isCut || isTooLong(name, fresh)) directives.delete(name);
  const text = directives.size < before ? serializeDictionary(directives) : cacheControl;
  return { text, longest: fresh + Math.max(...stale.map(said)), isCut };
}

// --- what each field may be

const checks: Record<TextField, (text: string) => string> = {
  contentEncoding: checkedCoding,
  contentLanguage: (text) => {
    const isList = text.split(',').every((tag) => /^[a-z]{1,8}(?:-[a-z\d]{1,8})*$/i.test(tag.trim()));
    return isList ? text : refuse('Content-Language is a list of language tags, as de, en-GB.');
  },
  // What stands before the parameters is a token, as the second half of a media type is.
  contentDisposition: (text) =>
    safeParse(`x/${text}`).type === ''
      ? refuse('Content-Disposition is like attachment; filename="a.txt" (RFC 6266).')
      : text,
  cacheControl: (text) => {
    const directives = directivesOf(text);
    if (directives === undefined) return refuse('Cache-Control is a list of directives (RFC 9111 5.2.2).');
    for (const [name, [value]] of directives) {
      if (requestDirectives.includes(name)) refuse(`Cache-Control: ${name} is said in requests alone.`);
      const isSeconds = typeof value === 'number' && Number.isInteger(value) && value >= 0;
      if (secondsDirectives.includes(name) && !isSeconds)
        refuse(`Cache-Control: ${name} has a whole number of seconds.`);
    }
    return text;
  },
  surrogateKey: (text) => {
    const tags = tagsIn(text);
    if (tags.some((tag) => tag.length > maxTag))
      refuse(`Surrogate-Key: a tag has up to ${maxTag} characters.`);
    // In the path of a purge they would lead to another one.
    if (tags.some((tag) => tag === '.' || tag === '..'))
      refuse('Surrogate-Key: expected other tags than . and ..');
    return tags.join(' ');
  },
};

function checkedCoding(text: string): string {
  const given = text.split(',').map((each) => each.trim().toLowerCase());
  const known = given.map((each) => (Object.hasOwn(codingAliases, each) ? codingAliases[each] : each) ?? '');
  const coded = known.filter((each) => each !== 'identity' && each !== '');
  if (coded.every((each) => codings.includes(each))) return coded.join(', ');
  throw new SealgateError('coding-refused');
}

// Directives have no case. A structured dictionary (RFC 9651) is all that is in use of them.
function directivesOf(text: string): Dictionary | undefined {
  try {
    const found = parseDictionary(text.toLowerCase());
    const isPlain = [...found.values()].every(
      ([value, parameters]) =>
        parameters.size === 0 &&
        (value === true || value instanceof Token || ['number', 'string'].includes(typeof value)),
    );
    return isPlain && found.size > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

function checkedMeta(given: Record<string, string>): [string, string][] {
  const entries = Object.entries(given).map(([name, value]): [string, string] => {
    const shown = JSON.stringify(name.slice(0, shownCharacters));
    if (!/^[a-z\d][a-z\d._-]*$/i.test(name))
      refuse(`${shown}: a name of metadata has letters, digits, dots, hyphens and underscores.`);
    return [name.toLowerCase(), checkedText(metaPrefix + name.slice(0, shownCharacters), value)];
  });
  if (new Set(entries.map(([name]) => name)).size !== entries.length)
    refuse('A name of metadata is given twice; upper and lower case are the same.');
  if (entries.length > maxMeta) refuse(`An object has up to ${maxMeta} names of metadata.`);
  return entries;
}

// HTTP says nothing else without a doubt. In a name of a file, filename*=UTF-8'' does (RFC 8187).
function checkedText(name: string, text: string): string {
  if (/^[\t -~]*$/.test(text)) return text.trim();
  return refuse(`${name}: expected printable ASCII; percent-encode the rest.`);
}

function refuse(detail: string): never {
  throw new SealgateError('fields-invalid', detail);
}
