// Upgrade: what a store of format 1 lacks of format 2 is added, a commit after another. What is there already
// is passed, so that an upgrade which was killed goes on when the store is opened again.

import { hasCode } from '../errors.ts';
import type { StoreFormat } from './format.ts';
import { isHeld, nameHold, namelessHold } from './holds.ts';
import type { RefRecord } from './listing.ts';
import { type Key, Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import { maxBatch, type StoreRecord } from './records.ts';
import { countUsage } from './usage_count.ts';

/** Milliseconds between two lines of progress. */
const interval = 2000;
/** Keys that are looked at before the cursor is opened anew: a long transaction keeps old pages. */
const keysATime = 10_000;

/**
 * The reverse index is made from the names, and blobs that have none are kept as found: somebody may have
 * stored them by their digest.
 * @param onProgress hears a sentence from time to time, and once at the end.
 */
export async function upgradeStore(
  meta: Metadata,
  format: StoreFormat,
  onProgress: (said: string) => void,
): Promise<void> {
  const work = new Upgrade(meta, onProgress);
  await work.holdNamed();
  await work.holdNameless();
  await format.complete();
  onProgress(`upgraded to format 2: ${work.seen} records looked at, ${work.added} entries added`);
}

class Upgrade {
  readonly #meta: Metadata;
  readonly #onProgress: (said: string) => void;
  #waiting: StoreRecord[] = [];
  #said = performance.now();
  seen = 0;
  added = 0;

  constructor(meta: Metadata, onProgress: (said: string) => void) {
    this.#meta = meta;
    this.#onProgress = onProgress;
  }

  async holdNamed(): Promise<void> {
    await this.#each<RefRecord>('refs', async (key, value) => {
      if (!('digest' in value)) return;
      const [bucket, name, version] = key as [string, string, number];
      await this.#add(nameHold(value.digest, { bucket, name, version }, value.created));
    });
    await this.#flush();
  }

  async holdNameless(): Promise<void> {
    let last = '';
    await this.#each<BlobRecord>('blobs', async (key) => {
      const digest = key[0] as string;
      if (digest === last) return;
      last = digest;
      const record = this.#meta.newest<BlobRecord>('blobs', [digest])?.value;
      const isThere = record && !('forgotten' in record) && !('collected' in record);
      if (isThere && !isHeld(this.#meta, digest))
        await this.#add(namelessHold(digest, 'found', record.created));
    });
    await this.#flush();
  }

  async #each<V>(table: 'refs' | 'blobs', look: (key: Key, value: V) => Promise<void>): Promise<void> {
    for (let start: Key | undefined = ['']; start !== undefined; ) {
      const page: { key: Key; value: V }[] = [...this.#meta.range<V>(table, { start, limit: keysATime })];
      for (const { key, value } of page) {
        await look(key, value);
        this.seen++;
      }
      this.#tell();
      const last = page.at(-1)?.key as (string | number)[] | undefined;
      start = page.length === keysATime && last ? next(last) : undefined;
    }
  }

  async #add(record: StoreRecord): Promise<void> {
    if (this.#meta.has(record.table, record.key)) return;
    this.#waiting.push(record);
    if (this.#waiting.length === maxBatch) await this.#flush();
  }

  async #flush(): Promise<void> {
    const records = this.#waiting.splice(0);
    if (records.length === 0) return;
    await this.#meta.make(records, 'mends');
    this.added += records.length;
  }

  #tell(): void {
    if (performance.now() - this.#said < interval) return;
    this.#said = performance.now();
    this.#onProgress(`upgrading to format 2: ${this.seen} records looked at, ${this.added} entries added`);
  }
}

/** The key right behind one that ends with a version. */
function next(key: (string | number)[]): Key {
  return [...key.slice(0, -1), (key.at(-1) as number) + 1];
}

/**
 * The metadata of a store, upgraded. A store whose disk has no room for the upgrade is served all the same,
 * and upgraded by a later start.
 */
export async function openUpgraded(
  root: string,
  format: StoreFormat,
  onNotice: (said: string) => void,
): Promise<Metadata> {
  const meta = await Metadata.writer(root, { format, onNotice });
  const tell = (said: string) => onNotice(`${root}: ${said}`);
  try {
    if (!format.isCurrent) await upgradeIfRoom(meta, format, tell);
    await countUsage(meta, tell);
    return meta;
  } catch (cause) {
    await meta.close();
    throw cause;
  }
}

async function upgradeIfRoom(
  meta: Metadata,
  format: StoreFormat,
  tell: (said: string) => void,
): Promise<void> {
  try {
    await upgradeStore(meta, format, tell);
  } catch (cause) {
    if (!hasCode(cause, 'store-full') && !hasCode(cause, 'store-write-failed')) throw cause;
    tell(
      `the upgrade to format 2 goes on at the next start, as the disk did not take it now: ` +
        `${(cause as Error).message} Until then nothing is collected.`,
    );
  }
}
