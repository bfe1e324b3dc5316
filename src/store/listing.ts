// Listing: the names of a bucket in code-point order, in pages that each look at a bounded number of keys.
// The keys of a bucket are the versions of its names in that order, so one cursor passes them all.

import { dateOf } from '../dates.ts';
import { fieldBytes } from '../object_fields.ts';
import { commonPrefix, textBehind } from './common_prefix.ts';
import { behind, type Key, type Metadata } from './metadata.ts';
import type { Descriptor, Listing, Page } from './store.ts';
import { endOf, type Reading } from './time_to_live.ts';

/**
 * One version of a name, as it is recorded. Which date HTTP tells of it is decided when it is read. `expires`
 * is the end that was said of it alone.
 */
export type RefRecord = Omit<Descriptor, 'date'> | { deleted: true; created: number };

/**
 * Most keys that a page looks at. Each takes 2 to 4 microseconds of the one thread that answers everybody. A
 * deleted name has at least two keys.
 */
const maxKeys = 2000;
/** Versions of one name that are passed one by one; after that the newest is looked up, which is cheaper. */
const maxVersions = 8;
/** How many keys a search for the first name behind a common prefix counts as. */
const keysOfSeeking = 4;
/** Most bytes of fields on a page, which is one answer in memory: one entry may have 8 KiB. */
export const maxFieldsBytes = 1024 * 1024;

/** A page of names. It may be short when many keys had to be passed; `next` then says where to go on. */
export function listNames(meta: Metadata, bucket: string, asked: Page, reading: Reading): Listing {
  const { prefix, after } = asked;
  const page = new PageOfNames(asked, reading, bucket);
  const goesOn = after !== '' && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  const isTold = goesOn && commonPrefix(after, asked) === after;
  let from: Key | undefined = goesOn ? behind([bucket, after]) : [bucket, prefix];
  if (isTold) from = page.behindNames(bucket, after);
  while (from !== undefined) from = pass(meta, bucket, prefix, from, page);
  return page.listing();
}

/**
 * Passes names until the page is done, and returns undefined; or until names can be skipped, because one has
 * many versions or a common prefix was listed, and returns the key to go on at.
 */
function pass(
  meta: Metadata,
  bucket: string,
  prefix: string,
  start: Key,
  page: PageOfNames,
): Key | undefined {
  for (const { key, value } of meta.range<RefRecord>('refs', { start })) {
    const [of, name] = key as [string, string, number];
    if (of !== bucket || !name.startsWith(prefix)) break;
    const added = page.add(name, value);
    if (added === 'full') return undefined;
    if (added !== 'taken') return page.behindNames(bucket, added.told);
    if (page.versions < maxVersions) continue;
    const newest = meta.newest<RefRecord>('refs', [bucket, name]);
    if (newest) page.add(name, newest.value);
    return behind([bucket, name]);
  }
  page.end();
  return undefined;
}

class PageOfNames {
  readonly #asked: Page;
  readonly #reading: Reading;
  readonly #timeToLive: number | undefined;
  readonly #now: number;
  readonly #entries: Listing['entries'] = [];
  readonly #prefixes: string[] = [];
  #keys = 0;
  #fieldBytes = 0;
  /** The name whose versions are being passed, and the newest one seen so far. */
  #name: string | undefined;
  #newest: RefRecord | undefined;
  /** Versions of that name that were passed. */
  versions = 0;
  /** The last name that needs no further look, or the common prefix that stands for it. */
  #last: string | undefined;
  #isAll = false;
  /** The common prefix that was listed last. */
  #told: string | undefined;

  constructor(asked: Page, reading: Reading, bucket: string) {
    this.#asked = asked;
    this.#reading = reading;
    this.#timeToLive = reading.timeToLiveOf(bucket);
    this.#now = reading.now();
  }

  /** Takes the next version in key order, unless the page is full or has a common prefix for its name. */
  add(name: string, value: RefRecord): 'taken' | 'full' | { told: string } {
    if (name !== this.#name) {
      if (!this.#settle() || this.#keys >= maxKeys) return 'full';
      if (this.#told !== undefined && name.startsWith(this.#told)) return { told: this.#told };
      this.#name = name;
      this.versions = 0;
    }
    this.#newest = value;
    this.#keys++;
    this.versions++;
    return 'taken';
  }

  /** Call it when there are no more names. */
  end(): void {
    this.#isAll = this.#settle();
  }

  /** The first key behind all names with this prefix; undefined: there is none, and the page ends. */
  behindNames(bucket: string, prefix: string): Key | undefined {
    this.#keys += keysOfSeeking;
    const text = textBehind(prefix);
    if (text === undefined) this.end();
    return text === undefined ? undefined : [bucket, text];
  }

  // Called when the newest version of a name is known: lists it, unless it is deleted or has ended. False:
  // the page is full.
  #settle(): boolean {
    const [name, newest] = [this.#name, this.#newest];
    if (name === undefined || newest === undefined) return true;
    const common = commonPrefix(name, this.#asked);
    const end = endOf(newest, this.#timeToLive);
    if (!('deleted' in newest) && (end === undefined || end > this.#now)) {
      const isFull = this.#entries.length + this.#prefixes.length === this.#asked.limit;
      if (isFull || this.#fieldBytes >= maxFieldsBytes) return false;
      if (common === undefined) this.#tell(name, newest, end);
      else this.#prefixes.push(common);
      this.#told = common;
      this.#last = common ?? name;
    } else if (common !== name) {
      // Not for a deleted name that is itself a common prefix: a page that went on behind it would leave out
      // the other names with that prefix.
      this.#last = name;
    }
    this.#name = undefined;
    return true;
  }

  #tell(name: string, newest: Extract<RefRecord, { digest: string }>, expires: number | undefined): void {
    const { digest, digests, size, mediaType, fields, created } = newest;
    const date = dateOf(newest, this.#reading.dates);
    const known = digests && { digests };
    const its = { digest, ...known, size, mediaType, ...(fields && { fields }), created, date };
    this.#entries.push({ name, ...its, ...(expires !== undefined && { expires }) });
    this.#fieldBytes += fields ? fieldBytes(fields) : 0;
  }

  listing(): Listing {
    const next = this.#isAll ? undefined : this.#last;
    return { entries: this.#entries, prefixes: this.#prefixes, ...(next !== undefined && { next }) };
  }
}
