// ShownBytes: who has stored which bytes by their digest lately. Whoever had the bytes may name them, without
// a right to read what others store. It is forgotten when the server ends: clients then store them again.

import { createHash } from 'node:crypto';
import type { EngineRequest } from '../../engine/engine_request.ts';

/** Some 200 bytes each. */
const most = 100_000;

export class ShownBytes {
  /** In the order in which they were stored. */
  readonly #shown = new Set<string>();

  add(request: EngineRequest, digest: string): void {
    const key = keyOf(request, digest);
    this.#shown.delete(key);
    this.#shown.add(key);
    if (this.#shown.size <= most) return;
    for (const oldest of this.#shown) {
      this.#shown.delete(oldest);
      return;
    }
  }

  has(request: EngineRequest, digest: string): boolean {
    return this.#shown.has(keyOf(request, digest));
  }
}

// No token is kept as it is.
function keyOf({ subject, headers }: EngineRequest, digest: string): string {
  const who = JSON.stringify([subject, headers.get('authorization'), digest]);
  return createHash('sha256').update(who).digest('base64');
}
