// StandingFaults: what the scrubber found and somebody has to mend: blobs that are missing or cannot be read,
// and files that are not the store's.

import { lstat } from 'node:fs/promises';
import type { Reading } from './disk_hash.ts';
import { type BlobFault, inspectBlob } from './inspection.ts';
import { type Finding, type FindingState, mostStanding } from './scrub_pass.ts';
import type { Store } from './store.ts';

const lasting = ['missing', 'unreadable', 'foreign'] as const satisfies FindingState[];

/** Bytes of unreadable blobs that are read in one look; what is larger waits for the next pass. */
const rereadBytes = 2 ** 30;

export class StandingFaults {
  /** Faults by digest or path. */
  readonly #faults = new Map<string, Finding>();

  restore(faults: Finding[]): void {
    for (const fault of faults) this.#faults.set(keyOf(fault), fault);
  }

  /** False: it stands since an earlier pass, and was told then. */
  note(finding: Finding): boolean {
    if (!lasting.some((state) => state === finding.state)) return true;
    const before = this.#faults.get(keyOf(finding));
    if (before || this.#faults.size < mostStanding) this.#faults.set(keyOf(finding), finding);
    return before?.state !== finding.state;
  }

  /** A whole pass, begun at this time, has noted what it found: of files the rest is no more. */
  endPass(began: number): void {
    for (const [key, { path, at }] of this.#faults)
      if (path !== undefined && at < began) this.#faults.delete(key);
  }

  /** The blob can be read again, or is no more. */
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

  /** Drops what was mended meanwhile. */
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
