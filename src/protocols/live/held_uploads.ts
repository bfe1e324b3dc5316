// HeldUploads: bodies that were refused because their names hold other bytes. An encoder that restarts sends
// segments before the playlist that tells of its restart, so they are kept for a short while, in staging
// files, and placed if it comes.

import { rm } from 'node:fs/promises';
import type { Hashed } from '../../native/addon.ts';
import type { PutRequest } from '../../objects/requests.ts';

export interface HeldUpload {
  staging: string;
  body: Hashed;
  about: PutRequest;
}

const most = { uploads: 64, bytes: 256 * 1024 * 1024, ms: 60_000 };

export class HeldUploads {
  /** By name; the newest is the last. */
  readonly #held = new Map<string, HeldUpload & { timer: NodeJS.Timeout }>();
  #bytes = 0;

  /** Takes over the staging file. */
  async hold(name: string, upload: HeldUpload): Promise<void> {
    const before = this.#take(name);
    const timer = setTimeout(() => void this.#drop(name), most.ms).unref();
    this.#held.set(name, { ...upload, timer });
    this.#bytes += upload.body.size;
    if (before) await remove(before);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= most.uploads && this.#bytes <= most.bytes) break;
      await this.#drop(oldest);
    }
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  has(isWanted: (name: string) => boolean): boolean {
    return [...this.#held.keys()].some(isWanted);
  }

  /** Those of some names, in the order in which they came. They are the caller's from now on. */
  take(isWanted: (name: string) => boolean): [name: string, upload: HeldUpload][] {
    return [...this.#held.keys()].filter(isWanted).flatMap((name): [string, HeldUpload][] => {
      const upload = this.#take(name);
      return upload ? [[name, upload]] : [];
    });
  }

  #take(name: string): HeldUpload | undefined {
    const upload = this.#held.get(name);
    if (!upload) return undefined;
    clearTimeout(upload.timer);
    this.#held.delete(name);
    this.#bytes -= upload.body.size;
    return upload;
  }

  async #drop(name: string): Promise<void> {
    const upload = this.#take(name);
    if (upload) await remove(upload);
  }
}

/** What is left is removed when the server is started. */
async function remove({ staging }: HeldUpload): Promise<void> {
  await rm(staging, { force: true }).catch(() => {});
}
