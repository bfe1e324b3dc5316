// MirrorSpace: makes room in the buckets of mirrors and build caches by evicting what was not used for
// longest. A mirror that is full is so for nobody: what cannot be kept still reaches those who asked for it.

import { statfs } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SiteConfig } from '../config/sites.ts';
import { KeyedLock } from '../keyed_lock.ts';
import type { Counters } from '../native/addon.ts';
import type { Epochs } from '../objects/epochs.ts';
import { keyOf } from '../objects/found.ts';
import type { Name, Objects } from '../objects/objects.ts';
import type { Pausable } from '../pause.ts';
import { freeBytes } from '../store/disk_reserve.ts';
import type { Store } from '../store/store.ts';
import { type Bounds, boundsOf, isBounded } from './bounds.ts';
import { type Evicted, EvictionCounts } from './eviction_counts.ts';
import { KeptFreshness } from './kept_freshness.ts';
import { Replaced } from './replaced.ts';
import { survey } from './survey.ts';

/** Milliseconds in which further uses of an object are not noted, and for which its plan is kept at most. */
export const useInterval = 3_600_000;
/** Names evicted in one go. */
const namesATime = 64;
/** Uses that are noted before they are written. */
const notedATime = 900;
/** What is kept after an eviction, of the bound. */
const lowWater = 0.9;
/** Milliseconds between two looks for what was not used for long. */
const [shortestLook, longestLook] = [1000, useInterval];

export interface SpaceParts {
  store: Pick<Store, 'root' | 'eviction' | 'usage' | 'bucket' | 'resolve'>;
  objects: Pick<Objects, 'locked' | 'list'>;
  epochs: Pick<Epochs, 'bump' | 'bumpDigests'>;
  /** Resolves when no worker has the file of a stale plan open. */
  dropStalePlans(): Promise<void>;
  log: Logger;
  /** Milliseconds since the epoch. */
  now?(): number;
}

/** `kept`: there is room. `passed`: it reaches who asked, and is not kept. `none`: the disk has no room. */
export type Room = 'kept' | 'passed' | 'none';

export class MirrorSpace implements Pausable {
  readonly #parts: SpaceParts;
  readonly #now: () => number;
  readonly freshness: KeptFreshness;
  #bounds = new Map<string, Bounds>();
  /** One eviction of a bucket at a time. */
  readonly #locks = new KeyedLock();
  /** Names that are being fetched, with the bytes that come, by bucket and name. */
  readonly #coming = new Map<string, { bucket: string; size: number }>();
  readonly #replaced = new Replaced();
  /** Buckets whose names were all looked at since they have a bound. */
  readonly #surveyed = new Map<string, Promise<void>>();
  readonly #evicted = new EvictionCounts();
  readonly #trims = new Set<string>();
  readonly #drops = new Set<string>();
  readonly #running = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #isPaused = false;

  constructor(parts: SpaceParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => Date.now());
    this.freshness = new KeptFreshness(parts.store);
  }

  /** From now on these sites mirror. */
  follow(sites: readonly SiteConfig[]): void {
    this.#bounds = boundsOf(sites);
    for (const bucket of this.#surveyed.keys()) if (!this.#isBounded(bucket)) this.#surveyed.delete(bucket);
    this.resume();
  }

  #isBounded(bucket: string): boolean {
    const bounds = this.#bounds.get(bucket);
    return bounds !== undefined && isBounded(bounds);
  }

  /** An object is read, or was stored. Further uses in a while are not noted. */
  used(at: Name, isNew = false): void {
    if (isNew || this.#isDue(at)) this.#note(at, this.#now());
  }

  #isDue({ bucket, name }: Name): boolean {
    const known = this.#parts.store.eviction.uses.of(bucket, name);
    const { unusedMs = Number.POSITIVE_INFINITY } = this.#bounds.get(bucket) ?? {};
    return known === undefined || this.#now() - known.at >= Math.min(useInterval, unusedMs / 10);
  }

  #note({ bucket, name }: Name, now: number): void {
    const { uses } = this.#parts.store.eviction;
    uses.note(bucket, name, { ...uses.of(bucket, name), at: now });
  }

  /**
   * As `used`, with others that the object is of no use without: they are evicted after it. Of those that
   * were used at the same time the names decide, so theirs come behind.
   */
  async usedWith(at: Name, others: Iterable<Name>, isNew = false): Promise<void> {
    if (!isNew && !this.#isDue(at)) return;
    const now = this.#now();
    let noted = 0;
    for (const each of others) {
      this.#note(each, now);
      if (++noted % notedATime === 0) await this.#parts.store.eviction.uses.flush();
    }
    this.#note(at, now);
  }

  /** An object was stored. @param isOther there were other bytes before. */
  stored(at: Name, isOther: boolean): void {
    this.used(at, true);
    // From now on the bucket's usage has it.
    const coming = this.#coming.get(keyOf(at));
    if (coming) coming.size = 0;
    const dropsOlder = this.#bounds.get(at.bucket)?.dropsOlder === true;
    if (isOther && (dropsOlder || this.#isBounded(at.bucket))) this.#replaced.add(at);
    if (isOther && dropsOlder) this.#dropOlder(at.bucket);
    if (!this.#isBounded(at.bucket)) return;
    if (this.#over(at.bucket, 0) > 0) this.#trim(at.bucket);
  }

  /** An object is fetched; until `leave` it is not evicted. */
  enter(at: Name): { leave(): void } {
    const key = keyOf(at);
    this.#coming.set(key, { bucket: at.bucket, size: 0 });
    return { leave: () => void this.#coming.delete(key) };
  }

  /** Evicts until there is room for what comes. @param size bytes; undefined: that is not known. */
  async room(at: Name, size = 1): Promise<Room> {
    const { bucket } = at;
    const fits = await this.#makeRoom(bucket, size);
    const coming = this.#coming.get(keyOf(at));
    if (fits && coming) coming.size = size;
    // It takes its space on the disk while it comes, kept or not.
    if (!(await this.#makeDiskRoom(bucket, size))) return 'none';
    if (!fits) this.passed(at);
    return fits ? 'kept' : 'passed';
  }

  /** An object was not kept, as there was no room. */
  passed({ bucket }: Name): void {
    this.#evicted.of(bucket).passed++;
  }

  async #makeRoom(bucket: string, size: number): Promise<boolean> {
    if (this.#over(bucket, size) <= 0) return true;
    if (size > this.#limit(bucket)) return false;
    if (Number.isFinite(this.#bounds.get(bucket)?.maxBytes)) this.#trim(bucket);
    return this.#evictWhile(bucket, () => this.#over(bucket, size));
  }

  async #makeDiskRoom(bucket: string, size: number): Promise<boolean> {
    const missing = async () => {
      const { bavail, bsize } = await statfs(this.#parts.store.root);
      return size + freeBytes - bavail * bsize;
    };
    return (await missing()) <= 0 || this.#evictWhile(bucket, missing);
  }

  /** Bytes that the bucket may have; Infinity: any number. */
  #limit(bucket: string): number {
    const { quota } = this.#parts.store.bucket(bucket) ?? {};
    return Math.min(this.#bounds.get(bucket)?.maxBytes ?? Number.POSITIVE_INFINITY, quota?.bytes ?? Infinity);
  }

  /** Bytes that have to go so that so many more have room; one too many objects count as one byte. */
  #over(bucket: string, size: number, limit = this.#limit(bucket)): number {
    const { bytes, objects } = this.#parts.store.usage(bucket) ?? { bytes: 0, objects: 0 };
    let coming = 0;
    for (const each of this.#coming.values()) if (each.bucket === bucket) coming += each.size;
    const most = this.#parts.store.bucket(bucket)?.quota?.objects ?? Infinity;
    return Math.max(bytes + coming + size - limit, objects >= most && size > 0 ? 1 : 0);
  }

  /** Evicts to the low-water mark, by and by. */
  #trim(bucket: string): void {
    if (this.#trims.has(bucket) || this.#isPaused) return;
    this.#trims.add(bucket);
    const low = (this.#bounds.get(bucket)?.maxBytes ?? Infinity) * lowWater;
    const trim = async () => {
      // Whoever waits for room takes what is known so far; else the order is to be right.
      await this.#surveyed.get(bucket);
      await this.#evictWhile(bucket, () => this.#over(bucket, 0, low));
    };
    void this.#inBackground(trim().finally(() => this.#trims.delete(bucket)));
  }

  #inBackground(work: Promise<unknown>): Promise<void> {
    const mine: Promise<void> = work
      .then(() => {})
      .catch((error) => this.#parts.log.error({ err: error }, 'a bucket could not be made smaller'))
      .finally(() => this.#running.delete(mine));
    this.#running.add(mine);
    return mine;
  }

  /** @param missing bytes that are to be evicted yet. @returns whether none are. */
  async #evictWhile(bucket: string, missing: () => number | Promise<number>): Promise<boolean> {
    for (;;) {
      const isDone = await this.#locks.run(bucket, async () => {
        const bytes = await missing();
        if (bytes <= 0 || this.#isPaused) return bytes <= 0;
        return (await this.#evictSome(bucket, bytes)) ? undefined : false;
      });
      if (isDone !== undefined && (isDone || !(await this.#surveys(bucket)))) return isDone;
      await setImmediate();
    }
  }

  /** False: nothing can be evicted. @param before milliseconds since the epoch: what was used later stays. */
  async #evictSome(bucket: string, bytes: number, before = Infinity): Promise<boolean> {
    if (await this.#evictOlder(bucket)) return true;
    const { uses } = this.#parts.store.eviction;
    await uses.flush();
    const names: string[] = [];
    let found = 0;
    for (const { name, at } of uses.oldest(bucket)) {
      if (at >= before || names.length === namesATime || found >= bytes) break;
      if (this.#coming.has(keyOf({ bucket, name })) || uses.of(bucket, name)?.at !== at) continue;
      const ref = this.#parts.store.resolve(bucket, name);
      const mayGo = ref?.deleted === false && this.#bounds.get(bucket)?.mayGo(name, ref.fields);
      if (mayGo) {
        names.push(name);
        found += ref.size;
      } else uses.note(bucket, name, undefined);
    }
    if (names.length > 0) await this.#evict(bucket, names, 'all');
    return names.length > 0;
  }

  /** False: there are no older versions that are known of. */
  async #evictOlder(bucket: string): Promise<boolean> {
    const names = this.#replaced.take(bucket, namesATime);
    if (names.length > 0) await this.#evict(bucket, names, 'older');
    return names.length > 0;
  }

  #dropOlder(bucket: string): void {
    if (this.#drops.has(bucket)) return;
    this.#drops.add(bucket);
    const drop = async () => {
      while (!this.#isPaused && (await this.#locks.run(bucket, () => this.#evictOlder(bucket))));
    };
    void this.#inBackground(drop().finally(() => this.#drops.delete(bucket)));
  }

  async #evict(bucket: string, names: string[], which: 'all' | 'older'): Promise<void> {
    const { store, objects, epochs, dropStalePlans, log } = this.#parts;
    const { bytes: before = 0 } = store.usage(bucket) ?? {};
    const digests = await Promise.all(
      names.map((name) =>
        objects.locked({ bucket, name }, async () => store.eviction.evict(bucket, name, which)),
      ),
    );
    epochs.bump(bucket);
    epochs.bumpDigests();
    await dropStalePlans();
    const freed = await store.eviction.free([...new Set(digests.flat())]);
    const count = this.#evicted.of(bucket);
    const bytes = Math.max(0, before - (store.usage(bucket)?.bytes ?? 0));
    count.bytes += bytes;
    if (which === 'all') count.objects += names.length;
    log.debug({ bucket, names: names.length, which, bytes, freed }, 'evicted');
  }

  /** Evicts these names, whatever the bound. Resolves with those that stay: they may be had from nobody. */
  async forget(bucket: string, names: readonly string[]): Promise<string[]> {
    const mayGo = (name: string) => {
      const ref = this.#parts.store.resolve(bucket, name);
      return ref?.deleted === false && this.#bounds.get(bucket)?.mayGo(name, ref.fields) === true;
    };
    const [gone, stay] = [names.filter(mayGo), names.filter((name) => !mayGo(name))];
    for (let i = 0; i < gone.length; i += namesATime)
      await this.#locks.run(bucket, () => this.#evict(bucket, gone.slice(i, i + namesATime), 'all'));
    return stay;
  }

  /** What was evicted of a bucket since the start. */
  evicted(bucket: string): Readonly<Evicted> {
    return this.#evicted.of(bucket);
  }

  /** Waits for the survey of a bucket, if one is under way; false: there is none. */
  async #surveys(bucket: string): Promise<boolean> {
    const survey = this.#surveyed.get(bucket);
    if (!survey || this.#isPaused) return false;
    const isOver = Symbol('over');
    if ((await Promise.race([survey.then(() => isOver), setImmediate()])) === isOver) return false;
    await survey;
    return true;
  }

  async #survey(bucket: string): Promise<void> {
    const mayGo: Bounds['mayGo'] = (...object) => this.#bounds.get(bucket)?.mayGo(...object) === true;
    const isDone = await survey(this.#parts, bucket, { mayGo, ends: () => this.#isPaused });
    if (!isDone) this.#surveyed.delete(bucket);
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (this.#isPaused) return;
    let next = longestLook;
    for (const [bucket, bounds] of this.#bounds) {
      if (!isBounded(bounds) || !this.#parts.store.bucket(bucket)) continue;
      if (!this.#surveyed.has(bucket)) this.#surveyed.set(bucket, this.#inBackground(this.#survey(bucket)));
      next = Math.min(next, Math.max(bounds.unusedMs / 10, shortestLook));
      if (Number.isFinite(bounds.unusedMs))
        void this.#inBackground(this.#evictUnused(bucket, bounds.unusedMs));
      if (this.#over(bucket, 0) > 0) this.#trim(bucket);
    }
    this.#timer = setTimeout(() => this.#look(), next).unref();
  }

  async #evictUnused(bucket: string, unusedMs: number): Promise<void> {
    await this.#surveyed.get(bucket);
    const before = this.#now() - unusedMs;
    for (let isMore = true; isMore && !this.#isPaused; await setImmediate())
      isMore = await this.#locks.run(bucket, () => this.#evictSome(bucket, Infinity, before));
  }

  counters(): Counters {
    return this.#evicted.counters(this.#bounds);
  }

  /** Evicts nothing before `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
    await this.#parts.store.eviction.uses.flush();
  }

  resume(): void {
    this.#isPaused = false;
    this.#look();
  }

  close(): Promise<void> {
    return this.pause();
  }
}
