// Playlists: the media playlists of a point, as far as players wait for them: what changes wake those who
// wait, and what the newest ones list or hint at. All of it is in memory; how far a playlist goes is recorded
// with it, so that it is known after a restart, too.

import * as z from 'zod';
import { addon, type GrowingFile } from '../../native/addon.ts';
import { setNewest } from '../../newest_map.ts';
import type { ObjectFields } from '../../object_fields.ts';
import type { Objects } from '../../objects/objects.ts';
import { namesIn } from './covered_names.ts';
import { endOf, type Manifest } from './manifest.ts';
import type { Point } from './point.ts';
import { recordIn } from './recorded.ts';
import { playersPatience, type Reach } from './reload.ts';

/** Playlists of a point of which more is known than is recorded. */
const mostKnown = 1000;
/** Segments at the end of a playlist that may still be arriving. */
const lastSegments = 8;
/** Characters of all texts that are kept; of the oldest nothing is left out then. */
const mostText = 32 * 1024 * 1024;
/** Milliseconds between two looks for changes that another process, or another site, has made. */
const lookEvery = 500;
/** A playlist that goes ahead later than after so many segments is not waited for (rfc8216bis 6.2.1). */
const punctual = 1.5;

interface Known {
  /** Ends with the next change. */
  until?: GrowingFile | undefined;
  /** The digest of what it was when somebody began to wait; undefined: nobody waits. */
  waitedAt?: string | undefined;
  /** Its newest text, by digest, where some of it may be left out. */
  text?: { digest: string; text: string } | undefined;
  /** Names in the bucket. */
  listed: ReadonlySet<string>;
  /** Names in the bucket, and whether somebody waits for them. */
  hinted: Map<string, boolean>;
  /** How far it goes, and since when, by `performance.now()`. */
  at?: { end: number; parts: number; since: number; isPunctual: boolean } | undefined;
  /** When its numbers fell, by `performance.now()`. */
  fell?: number | undefined;
}

export class Playlists {
  readonly #point: Pick<Point, 'bucket' | 'path' | 'prefix'>;
  readonly #objects: Pick<Objects, 'digestOf'>;
  /** By name in the bucket; what was asked about or changed last is the last. */
  readonly #known = new Map<string, Known>();
  #looking: NodeJS.Timeout | undefined;
  /** Of all texts. */
  #characters = 0;

  constructor(point: Pick<Point, 'bucket' | 'path' | 'prefix'>, objects: Pick<Objects, 'digestOf'>) {
    this.#point = point;
    this.#objects = objects;
  }

  /**
   * Ends with the next change of a playlist that is there. @param digest of what it is, where somebody waits
   * for another; a change that was made meanwhile is found by it.
   */
  change(name: string, digest?: string): GrowingFile {
    const known = this.#of(name);
    known.until ??= addon.growingFile();
    known.waitedAt ??= digest;
    if (digest !== undefined) this.#lookLater();
    return known.until;
  }

  /** Whether the playlist goes ahead in time, with one that has come now. */
  isPunctual(name: string, manifest: Manifest): boolean {
    const { pace, reload } = manifest;
    const { at } = this.#of(name);
    if (!at) return false;
    const further = endOf(manifest) - at.end || (reload?.parts ?? 0) - at.parts;
    return further === 0 ? at.isPunctual : further > 0 && performance.now() - at.since <= punctual * pace;
  }

  /** Whether its encoder has begun anew within the time in which players ask by the numbers of before. */
  isAnew(name: string): boolean {
    const fell = this.#known.get(name)?.fell;
    return fell !== undefined && performance.now() - fell < playersPatience;
  }

  /** A playlist was stored. @param path as it was sent. */
  changed(name: string, path: string, digest: string, text: string, manifest: Manifest): void {
    const { reload, names, isEnded } = manifest;
    const known = this.#of(name);
    const reach = { end: endOf(manifest), parts: reload?.parts ?? 0 };
    // One that was refused tells nothing of those that players get.
    if (known.at && reach.end < known.at.end) known.fell = performance.now();
    if (known.at?.end !== reach.end || known.at.parts !== reach.parts)
      known.at = { ...reach, since: performance.now(), isPunctual: this.isPunctual(name, manifest) };
    known.listed = new Set(namesIn(this.#point, path, names.slice(-lastSegments)));
    const hints = isEnded ? [] : namesIn(this.#point, path, reload?.hints ?? []);
    known.hinted = new Map(hints.map((each) => [each, false]));
    this.#keep(known, reload !== undefined && reload.skipUntil > 0 ? { digest, text } : undefined);
    this.#wake(known);
  }

  /** A file of the channel was stored or deleted: whoever waits for what a playlist hints at looks again. */
  touched(name: string): void {
    const its = this.#known.get(name);
    if (its) this.#wake(its);
    for (const known of this.#known.values()) if (known.hinted.has(name)) this.#wake(known);
  }

  /** Whether a playlist lists a name. */
  lists(name: string): boolean {
    return [...this.#known.values()].some(({ listed }) => listed.has(name));
  }

  /** Ends when a name that a playlist hints at may be there, or is hinted at no more. Undefined: no hint. */
  hinted(name: string): GrowingFile | undefined {
    for (const [playlist, { hinted }] of this.#known) {
      if (!hinted.has(name)) continue;
      hinted.set(name, true);
      this.#lookLater();
      return this.change(playlist);
    }
    return undefined;
  }

  textOf(name: string, digest: string): string | undefined {
    const text = this.#known.get(name)?.text;
    return text?.digest === digest ? text.text : undefined;
  }

  #of(name: string): Known {
    const known = this.#known.get(name) ?? { listed: new Set(), hinted: new Map() };
    const dropped = setNewest(this.#known, name, known, mostKnown)?.[1];
    if (dropped) this.#forget(dropped);
    return known;
  }

  #keep(known: Known, text: Known['text']): void {
    this.#characters += (text?.text.length ?? 0) - (known.text?.text.length ?? 0);
    known.text = text;
    for (const oldest of this.#known.values()) {
      if (this.#characters <= mostText) break;
      if (oldest.text) this.#keep(oldest, undefined);
    }
  }

  #forget(known: Known): void {
    this.#keep(known, undefined);
    this.#wake(known);
  }

  #wake(known: Known): void {
    const { until } = known;
    known.until = known.waitedAt = undefined;
    for (const hint of known.hinted.keys()) known.hinted.set(hint, false);
    until?.finish();
  }

  // What this process stores at this point wakes at once; all else is found out here.
  #look(): void {
    const waited = [...this.#known].filter(([, { waitedAt, hinted }]) => {
      return waitedAt !== undefined || [...hinted.values()].includes(true);
    });
    if (waited.length === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    }
    try {
      for (const [name, known] of waited) if (this.#hasChanged(name, known)) this.#wake(known);
    } catch {
      // The store says so elsewhere; nobody is woken by it.
    }
  }

  #hasChanged(name: string, { waitedAt, hinted }: Known): boolean {
    const { bucket } = this.#point;
    const digestOf = (each: string) => this.#objects.digestOf({ bucket, name: each });
    if (waitedAt !== undefined && digestOf(name) !== waitedAt) return true;
    return [...hinted].some(([hint, isWaitedFor]) => isWaitedFor && digestOf(hint) !== undefined);
  }

  #lookLater(): void {
    this.#looking ??= setInterval(() => this.#look(), lookEvery).unref();
  }
}

const recordedReach = z.object({
  end: z.number(),
  pace: z.number(),
  isEnded: z.boolean(),
  parts: z.number(),
  lastParts: z.number(),
  partPace: z.number(),
  canBlock: z.boolean(),
  skipUntil: z.number(),
});

/** How far a playlist goes. Undefined: it is no media playlist, or was stored by another way. */
export function reachIn(fields: ObjectFields | undefined): Reach | undefined {
  return recordIn(fields, 'playlist', recordedReach);
}
