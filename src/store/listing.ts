// Listing: the names of a bucket in code-point order, a page at a time, for a bounded number of keys looked
// at. The keys of a bucket are its names' versions in the same order, so that one cursor passes them all.

import { type Dates, dateOf } from '../dates.ts';
import { fieldBytes } from '../object_fields.ts';
import { behind, type Key, type Metadata } from './metadata.ts';
import type { Descriptor, Listing } from './store.ts';

/** One version of a name, as it is recorded: which date HTTP tells of it is found when it is read. */
export type RefRecord = Omit<Descriptor, 'date'> | { deleted: true; created: number };

/**
 * Keys that a page looks at, whatever it finds: some 2 to 4 microseconds each, of the one thread that answers
 * everybody. Deleted names have at least two.
 */
const maxKeys = 2000;
/** Versions of one name that are passed one by one: then the newest is looked up, which is cheaper. */
const maxVersions = 8;
/** Bytes of the fields on a page, where one entry may have 8 KiB: a page is one answer, in memory. */
const maxFieldsBytes = 1024 * 1024;

export interface Page {
  prefix: string;
  /** Names behind this one; empty: from the first. */
  after: string;
  limit: number;
}

/** Fewer entries than there are when many keys had to be passed; `next` then says where to go on. */
export function listNames(
  meta: Metadata,
  bucket: string,
  { prefix, after, limit }: Page,
  dates: Dates,
): Listing {
  const page = new PageOfNames(limit, dates);
  const goesOn = after !== '' && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  let from: Key | undefined = goesOn ? behind([bucket, after]) : [bucket, prefix];
  while (from !== undefined) from = pass(meta, bucket, prefix, from, page);
  return page.listing();
}

/** Passes names until the page is done, undefined, or until one has many versions: where to go on. */
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
    if (!page.add(name, value)) return undefined;
    if (page.versions < maxVersions) continue;
    const newest = meta.newest<RefRecord>('refs', [bucket, name]);
    if (newest) page.add(name, newest.value);
    return behind([bucket, name]);
  }
  page.end();
  return undefined;
}

class PageOfNames {
  readonly #limit: number;
  readonly #dates: Dates;
  readonly #entries: Listing['entries'] = [];
  #keys = 0;
  #fieldBytes = 0;
  /** The name whose versions are being passed, and the newest one seen so far. */
  #name: string | undefined;
  #newest: RefRecord | undefined;
  /** Versions of it that were passed. */
  versions = 0;
  /** The last name that is settled. */
  #last: string | undefined;
  #isAll = false;

  constructor(limit: number, dates: Dates) {
    this.#limit = limit;
    this.#dates = dates;
  }

  /** Takes the next version in key order; false when the page is done without it. */
  add(name: string, value: RefRecord): boolean {
    if (name !== this.#name) {
      if (!this.#settle() || this.#keys >= maxKeys) return false;
      this.#name = name;
      this.versions = 0;
    }
    this.#newest = value;
    this.#keys++;
    this.versions++;
    return true;
  }

  /** There are no more names. */
  end(): void {
    this.#isAll = this.#settle();
  }

  // The name's newest version is known: it has a place on the page, or needs none. False: the page is full.
  #settle(): boolean {
    if (this.#name !== undefined && this.#newest !== undefined && !('deleted' in this.#newest)) {
      if (this.#entries.length === this.#limit || this.#fieldBytes >= maxFieldsBytes) return false;
      const { digest, size, mediaType, fields, created } = this.#newest;
      const date = dateOf(this.#newest, this.#dates);
      this.#entries.push({
        name: this.#name,
        digest,
        size,
        mediaType,
        ...(fields && { fields }),
        created,
        date,
      });
      this.#fieldBytes += fields ? fieldBytes(fields) : 0;
    }
    this.#last = this.#name ?? this.#last;
    this.#name = undefined;
    return true;
  }

  listing(): Listing {
    const next = this.#isAll ? undefined : this.#last;
    return { entries: this.#entries, ...(next !== undefined && { next }) };
  }
}
