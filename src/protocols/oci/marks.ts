// Marks: since when nothing in its repository needs a layer or a manifest. A push that finds such a thing
// counts on it, so looking for it renews the mark; what goes is as if it were gone once that is decided.

import type { Name } from '../../objects/objects.ts';
import type { Use } from '../../store/uses.ts';

/** Where marks are kept: see uses.ts of the store. */
export interface Noted {
  of(bucket: string, name: string): Use | undefined;
  note(bucket: string, name: string, use: Use | undefined): void;
  flush(): Promise<void>;
  oldest(bucket: string): Iterable<{ name: string; at: number }>;
}

export class Marks {
  readonly #noted: Noted;
  readonly #going = new Set<string>();

  constructor(noted: Noted) {
    this.#noted = noted;
  }

  /** Milliseconds since the epoch; undefined: something needs it, or nobody has looked yet. */
  since({ bucket, name }: Name): number | undefined {
    return this.#noted.of(bucket, name)?.at;
  }

  /** From now on nothing needs it. */
  set({ bucket, name }: Name, at = Date.now()): void {
    this.#noted.note(bucket, name, { at });
  }

  /** Something needs it. */
  clear(at: Name): void {
    if (this.since(at) !== undefined) this.#noted.note(at.bucket, at.name, undefined);
  }

  isGoing({ bucket, name }: Name): boolean {
    return this.#going.has(`${bucket}/${name}`);
  }

  /** Somebody has found it: it stays for a whole grace time from now. @returns whether it is marked. */
  touch(at: Name): boolean {
    if (this.since(at) === undefined) return false;
    this.set(at);
    return true;
  }

  /** It is decided that it goes: nobody finds it any more. */
  goes({ bucket, name }: Name): void {
    this.#going.add(`${bucket}/${name}`);
  }

  /** It is gone, or stays after all. */
  settled({ bucket, name }: Name): void {
    this.#going.delete(`${bucket}/${name}`);
  }

  /** Those that are older than a time, of things that may be gone. */
  older(bucket: string, than: number, most: number): string[] {
    const found: string[] = [];
    for (const { name, at } of this.#noted.oldest(bucket)) {
      if (at >= than || found.length === most) break;
      found.push(name);
    }
    return found;
  }

  /** Resolves when all marks are on the disk, or the disk does not take them at present. */
  save(): Promise<void> {
    return this.#noted.flush();
  }
}
