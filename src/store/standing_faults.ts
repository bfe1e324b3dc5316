// StandingFaults: findings of the scrubber that somebody has to mend: blobs that are missing or cannot be
// read, and files that are not the store's.

import { lstat } from 'node:fs/promises';
import type { Reading } from './disk_hash.ts';
import { type BlobFault, inspectBlob } from './inspection.ts';
import { type Finding, type FindingState, mostStanding } from './scrub_pass.ts';
import type { Store } from './store.ts';

const lasting = ['missing', 'unreadable', 'foreign'] as const satisfies FindingState[];

/** Most bytes of unreadable blobs that one check reads; further ones wait for the next pass. */
const rereadBytes = 2 ** 30;

export class StandingFaults {
  /** Faults by digest or path. */
  readonly #faults = new Map<string, Finding>();

  restore(faults: Finding[]): void {
    for (const fault of faults) this.#faults.set(keyOf(fault), fault);
  }

  /** Notes a finding. False: it was known from an earlier pass and was reported then. */
  note(finding: Finding): boolean {
    if (!lasting.some((state) => state === finding.state)) return true;
    const before = this.#faults.get(keyOf(finding));
    if (before || this.#faults.size < mostStanding) this.#faults.set(keyOf(finding), finding);
    return before?.state !== finding.state;
  }

  /** Drops the faults of files that a complete pass, which began at this time, has not found again. */
  endPass(began: number): void {
    for (const [key, { path, at }] of this.#faults)
      if (path !== undefined && at < began) this.#faults.delete(key);
  }

  /** Drops the fault of a blob that can be read again, or is gone. */
  clear(digest: string): void {
    this.#faults.delete(digest);
  }

  all(): Finding[] {
    return [...this.#faults.values()];
  }

  counts(): Record<(typeof lasting)[number], number> {
    const faults = this.all();
    const count = (state: FindingState) => faults.filter((each) => each.state === state).length;
    return { missing: count('missing'), unreadable: count('unreadable'), foreign: count('foreign') };
  }

  /** Drops the faults that were mended meanwhile. */
  async lookAgain(store: Pick<Store, 'root' | 'known'>, reading: Reading): Promise<void> {
    let left = rereadBytes;
    for (const [key, { state, digest, path }] of [...this.#faults]) {
      await reading.pace?.(0);
      const [blob] = digest === undefined ? [] : store.known({ only: digest });
      if (state === 'unreadable' && blob?.state === 'stored') {
        if (blob.size > left) continue;
        left -= blob.size;
      }
      const stands = blob
        ? isOutOfReach(await inspectBlob(blob, store.root, reading))
        : path !== undefined && (await lstat(path).catch(() => undefined)) !== undefined;
      if (!stands) this.#faults.delete(key);
    }
  }
}

export function isOutOfReach(fault: BlobFault | undefined): boolean {
  return fault?.state === 'missing' || fault?.state === 'unreadable';
}

function keyOf({ digest, path }: Finding): string {
  return digest ?? path ?? '';
}
