// Replaced: names that got other bytes, so that their older versions are of no use.

import { keyOf } from '../objects/found.ts';
import type { Name } from '../objects/objects.ts';

/** Those beyond keep their older versions until they are replaced again. */
const mostNames = 10_000;

export class Replaced {
  readonly #names = new Map<string, Name>();

  add(at: Name): void {
    if (this.#names.size < mostNames) this.#names.set(keyOf(at), at);
  }

  /** Some names of a bucket, which are forgotten here. */
  take(bucket: string, most: number): string[] {
    const some: string[] = [];
    for (const [key, at] of this.#names) {
      if (some.length === most) break;
      if (at.bucket !== bucket) continue;
      some.push(at.name);
      this.#names.delete(key);
    }
    return some;
  }
}
