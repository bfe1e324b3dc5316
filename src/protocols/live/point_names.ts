// PointNames: how many names a publishing point has and how fast it gets new ones, so that a packager that
// never uses a name twice cannot fill the metadata; and which segments are the newest, where the point keeps
// so many.

import { hasCode, SealgateError } from '../../errors.ts';
import { setNewest } from '../../newest_map.ts';
import type { Listing } from '../../store/store.ts';
import { mediaClassOf } from './media_class.ts';
import { numberedName } from './numbered_name.ts';
import type { Point } from './point.ts';

/** Milliseconds from one count of all names to the next. */
const pause = 10_000;
const noOther = { ifNoneMatch: undefined, ifUnmodifiedSince: undefined };
/** Part of the most names: after so many new ones they are counted, as some may have ended meanwhile. */
const unsure = 0.1;
/** Series whose order is known. Of the one that got nothing for longest no more is deleted. */
const mostSeries = 4096;

/** Names that differ in their last number alone, in the order in which they came. */
type Series = Set<string>;

export class PointNames {
  readonly #point: Point;
  /** What the last count found; undefined: there was none. */
  #counted: number | undefined;
  /** New names since then. */
  #added = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** New names that may come at once, as of `#rateAt`. */
  #left: number;
  #rateAt = performance.now();
  readonly #series = new Map<string, Series>();
  #known: Promise<void> | undefined;

  constructor(point: Point) {
    this.#point = point;
    this.#left = point.names.perMinute;
  }

  /** Before a body comes. Throws `rate-limited` and `quota-reached`. */
  admit(name: string): void {
    const { services, bucket, names } = this.#point;
    if (services.objects.digestOf({ bucket, name }) !== undefined) return;
    const total = (this.#counted ?? 0) + this.#added;
    const isSure = this.#counted !== undefined || this.#added < names.most * unsure;
    if (!isSure || total >= names.most) this.#count();
    if (total >= names.most) {
      const detail =
        `The publishing point has ${names.most} names, and names.most of its site allows no more. Delete ` +
        'some, or let it keep less by its window.';
      throw new SealgateError('quota-reached', detail, {
        about: { bucket, quota: 'names', limit: names.most },
      });
    }
    this.#takeTurn();
    this.#added += 1;
  }

  #takeTurn(): void {
    const { perMinute } = this.#point.names;
    const now = performance.now();
    this.#left = Math.min(perMinute, this.#left + ((now - this.#rateAt) * perMinute) / 60_000);
    this.#rateAt = now;
    if (this.#left < 1) {
      const detail = `More than ${perMinute} new names in a minute, which is names.perMinute of the site.`;
      throw new SealgateError('rate-limited', detail, { retryAfter: Math.ceil(60 / perMinute) });
    }
    this.#left -= 1;
  }

  #count(): void {
    const now = performance.now();
    if (now - this.#countedAt < pause) return;
    this.#countedAt = now;
    this.#added = 0;
    let found = 0;
    const counting = this.#list(({ entries }) => {
      found += entries.length;
    });
    counting.then(
      () => {
        this.#counted = found;
      },
      (error) =>
        this.#point.services.log.error(error, 'the names of a publishing point could not be counted'),
    );
  }

  /** A file was stored anew. What is outside the window then is deleted. */
  async came(name: string): Promise<void> {
    const { window } = this.#point;
    if (window?.count === undefined || mediaClassOf(name) !== 'segment') return;
    this.#known ??= this.#learn();
    await this.#known;
    const series = this.#newest(name);
    for (const oldest of series) {
      if (series.size <= window.count) break;
      series.delete(oldest);
      await this.#delete(oldest);
    }
  }

  deleted(name: string): void {
    this.#series.get(numberedName(name).series)?.delete(name);
  }

  /** Makes it the newest of its series. */
  #newest(name: string): Series {
    const its = numberedName(name).series;
    const series = this.#series.get(its) ?? new Set();
    series.delete(name);
    series.add(name);
    setNewest(this.#series, its, series, mostSeries);
    return series;
  }

  async #learn(): Promise<void> {
    const segments: { name: string; created: number }[] = [];
    await this.#list(({ entries }) => {
      for (const { name, created } of entries)
        if (mediaClassOf(name) === 'segment') segments.push({ name, created });
    });
    segments.sort((a, b) => a.created - b.created);
    for (const { name } of segments) this.#newest(name);
  }

  async #list(read: (page: Listing) => void): Promise<void> {
    const { services, bucket, prefix } = this.#point;
    let after: string | undefined = '';
    while (after !== undefined) {
      const page: Listing = await services.objects.list(bucket, { prefix, after, limit: 1000 });
      read(page);
      after = page.next;
    }
  }

  async #delete(name: string): Promise<void> {
    const { services, bucket } = this.#point;
    const at = { bucket, name };
    const digest = services.objects.digestOf(at);
    if (digest === undefined) return;
    try {
      // Whoever writes the name anew meanwhile keeps what it wrote.
      await services.objects.delete(at, { ifMatch: `"${digest}"`, ...noOther });
    } catch (error) {
      if (hasCode(error, 'precondition-failed') || hasCode(error, 'not-found')) return;
      // The file that came is stored. What is not deleted now is found after the next start.
      services.log.error(error, 'a segment outside the window of a publishing point could not be deleted');
    }
  }
}
