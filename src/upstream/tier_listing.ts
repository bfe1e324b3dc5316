// TierListing: the keys of a shared store, page by page, in the order of their bytes (S3 ListObjectsV2).
// Whoever removes what is not listed elsewhere has to be sure of a listing, so all that is not exactly what
// was asked for is an error.

import type { Answered, Send } from './tier_marks.ts';

export interface Listed {
  key: string;
  /** Bytes. */
  size: number;
  /** When it was written, by the store's clock; milliseconds since the epoch. */
  modified: number;
}

const pageKeys = 1000;
/** Bytes: a key of 1024 may take three times as many, and some 500 are about it. */
const mostOfPage = 8 * 1024 * 1024;

/** All keys that begin so. Rejects with what `send` does, and where an answer is no listing. */
export async function* listed(send: Send, prefix: string): AsyncGenerator<Listed> {
  let token: string | undefined;
  let last: Buffer | undefined;
  do {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix });
    query.set('max-keys', String(pageKeys));
    if (token !== undefined) query.set('continuation-token', token);
    const path = `?${query}`;
    const sent = await send({ method: 'GET', path, fields: {}, mostText: mostOfPage });
    const page = readPage(path, sent, prefix);
    for (const each of page.keys) {
      const key = Buffer.from(each.key);
      if (last && Buffer.compare(last, key) >= 0) throw located(path, unlike('its keys are not in order'));
      last = key;
      yield each;
    }
    if (page.next !== undefined && page.keys.length === 0)
      throw located(path, unlike('a page has no keys, and more follow'));
    token = page.next;
  } while (token !== undefined);
}

function readPage(path: string, { status, text }: Answered, prefix: string) {
  try {
    return pageOf(status, text, prefix);
  } catch (cause) {
    throw located(path, cause as Error);
  }
}

function located(path: string, cause: Error): Error {
  return new Error(`GET ${path}: ${cause.message}`, { cause });
}

/** A page of a listing. Throws where it is none, or not whole. */
export function pageOf(status: number, text: string, prefix: string): { keys: Listed[]; next?: string } {
  if (status !== 200) throw unlike(`its status is ${status}`);
  const whole = text.trim();
  const head = /^(?:<\?xml[^>]*>)?\s*<ListBucketResult(?:\s[^>]*)?>/.exec(whole)?.[0];
  const tail = '</ListBucketResult>';
  if (head === undefined || !whole.endsWith(tail)) throw unlike('it is no whole ListBucketResult');
  let [about = '', ...entries] = whole.slice(head.length, -tail.length).split('<Contents>');
  const keys = entries.map((entry) => {
    const [contents = '', ...rest] = entry.split('</Contents>');
    if (rest.length !== 1) throw unlike('an entry of it is not whole');
    about += rest[0];
    return entryOf(contents, prefix);
  });
  if (/<\/?(?:Contents|Key|CommonPrefixes|ListBucketResult)\b/.test(about))
    throw unlike('an entry of it is not whole');
  if (one(about, 'EncodingType') !== 'url') throw unlike('its keys are not encoded as a URL has them');
  if (decoded(one(about, 'Prefix') ?? '') !== prefix) throw unlike('it is of other keys');
  const count = one(about, 'KeyCount');
  if (count !== undefined && Number(count) !== keys.length) throw unlike(`it has not all of ${count} keys`);
  const isTruncated = one(about, 'IsTruncated');
  if (isTruncated === 'false') return { keys };
  const next = one(about, 'NextContinuationToken');
  if (isTruncated !== 'true' || !next) throw unlike('it does not say what follows');
  return { keys, next: withoutEntities(next) };
}

function entryOf(contents: string, prefix: string): Listed {
  const key = decoded(one(contents, 'Key') ?? '');
  const size = one(contents, 'Size') ?? '';
  const modified = Date.parse(one(contents, 'LastModified') ?? '');
  if (!key.startsWith(prefix) || !/^\d{1,16}$/.test(size) || Number.isNaN(modified))
    throw unlike('an entry of it has no key, size or time');
  return { key, size: Number(size), modified };
}

/** The text of the only element of this name. */
function one(text: string, name: string): string | undefined {
  const found = [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))];
  if (found.length > 1) throw unlike(`it says ${name} twice`);
  return found[0]?.[1];
}

function decoded(text: string): string {
  const encoded = withoutEntities(text).replaceAll('+', ' ');
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw unlike('a key of it is not encoded as a URL has it');
  }
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const mostCodePoint = 0x10ffff;

/**
 * The text that XML stands for (1.0, section 4). Whatever is no reference to a character is refused: a token
 * that is not the store's own may have it pass keys over.
 */
function withoutEntities(text: string): string {
  return text.replace(/&(?:#x([\da-fA-F]{1,6});|#(\d{1,7});|(\w+);)?/g, (all, hex, decimal, name = '') => {
    const isNumber = hex !== undefined || decimal !== undefined;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    const isCharacter = isNumber && code > 0 && code <= mostCodePoint && (code < 0xd800 || code > 0xdfff);
    if (isCharacter) return String.fromCodePoint(code);
    if (!Object.hasOwn(entities, name)) throw unlike(`it has ${JSON.stringify(all)}, which is no character`);
    return entities[name] ?? '';
  });
}

function unlike(what: string): Error {
  return new Error(`its answer is no listing as it should be: ${what}`);
}
