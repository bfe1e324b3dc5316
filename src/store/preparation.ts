// Preparation: puts in place what the first commit needs: the store's format, its id beside blobs and
// metadata, and a journal that ends where the metadata do. It is tried when a store is opened. If it fails,
// as on a full disk, the store can only be read, and preparation is tried again before each commit.

import { type CompactedMetadata, Compaction } from './compaction.ts';
import { missingVersions } from './gaps.ts';
import { writeId } from './identity.ts';
import { type Frame, Journal, readJournal } from './journal.ts';
import { removeNew, replaceJournal } from './new_journal.ts';
import type { Key, StoreRecord, Table } from './records.ts';
import { Replay } from './replay.ts';
import type { StateChange } from './state.ts';

/** What the preparation needs of the metadata. */
export interface PreparedMetadata extends CompactedMetadata {
  has(table: Table, key: Key): boolean;
  records(): Iterable<StoreRecord>;
  /** Writes the format and makes its tables, durably. */
  announce(): Promise<void>;
  /** Notes, durably, that holds of blobs may be missing and must be made anew. */
  doubt(): Promise<void>;
  hasId(): boolean;
  /** Syncs the data file and its folder, which LMDB does not do for a new file. */
  sync(): Promise<void>;
  putId(id: string): Promise<void>;
  /** The frame of the last commit. */
  last(): Frame | undefined;
  /** Writes the changes, `last` and what else `state` is to have in one transaction. */
  write(changes: StoreRecord[], last: Frame, others?: StateChange[]): Promise<void>;
}

export interface PreparedStore {
  root: string;
  id: string;
  /** Whether blobs/ has the id. */
  blobsHaveId: boolean;
  /** Path of the journal. */
  journal: string;
}

export class Preparation {
  readonly #store: PreparedStore;
  readonly #meta: PreparedMetadata;
  readonly #onReplayed: (said: string) => void;
  readonly compaction: Compaction;
  #blobsHaveId: boolean;
  #journal: Journal | undefined;

  /**
   * @param onNotice called with a sentence when the journal had commits that the metadata lacked, and when it
   * cannot be compacted.
   */
  constructor(store: PreparedStore, meta: PreparedMetadata, onNotice: (said: string) => void) {
    this.#store = store;
    this.#meta = meta;
    this.#onReplayed = onNotice;
    this.compaction = new Compaction({ path: store.journal, store: store.id }, meta, onNotice);
    this.#blobsHaveId = store.blobsHaveId;
  }

  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** Resolves with a journal that is ready. Overlapping calls share one run. */
  async ensure(): Promise<Journal> {
    if (this.#journal) return this.#journal;
    const { root, id } = this.#store;
    await this.#meta.announce();
    if (!this.#meta.hasId()) await this.#meta.sync();
    if (!this.#blobsHaveId) await writeId(root, id);
    this.#blobsHaveId = true;
    if (!this.#meta.hasId()) await this.#meta.putId(id);
    this.#journal = await this.#openJournal();
    this.#look(this.#journal);
    return this.#journal;
  }

  #look(journal: Journal): void {
    this.compaction.look(journal, this.#meta.last()?.sequence ?? 0);
  }

  /** Writes a commit to metadata and journal at the same time, since each waits for the disk. */
  async write(frame: Frame): Promise<Error | undefined> {
    const journal = await this.ensure();
    await journal.catchUp();
    const { toKeep } = this.compaction;
    const both = [this.#meta.write(frame.records, frame, toKeep), journal.append(frame)] as const;
    const [committed, appended] = await Promise.allSettled(both);
    if (committed.status === 'rejected') throw committed.reason;
    if (toKeep.length > 0) this.compaction.kept();
    if (appended.status === 'rejected') return appended.reason;
    this.#look(journal);
    return undefined;
  }

  // Opens a journal that ends where the metadata do. If it lacks the last commit, that is added. If it lacks
  // more, or is another store's, it is written anew.
  async #openJournal(): Promise<Journal> {
    const { id, journal: path } = this.#store;
    await removeNew(path);
    const { journal, last: its } = await Journal.open(path);
    try {
      const last = this.#meta.last();
      const sequence = last?.sequence ?? 0;
      const found = its?.store === id ? its.sequence : Number.NEGATIVE_INFINITY;
      if (its && found > sequence) await this.#replay(its, sequence);
      if (last && found === sequence - 1) await journal.append(last);
      if (found >= sequence - Number(last !== undefined)) return journal;
      await replaceJournal(path, { store: id, sequence }, this.#meta.records());
    } catch (cause) {
      await journal.close();
      throw cause;
    }
    await journal.close();
    return (await Journal.open(path)).journal;
  }

  // Makes the commits of the journal that the metadata lack. After a kill that is the one commit that was
  // under way, the journal's last frame. If there are more, an older data.mdb was put back, and all of the
  // journal is compared, because one that was written anew since has all records before its first commit. A
  // record that was removed later exists again until the frame that removes it.
  async #replay(its: Frame, sequence: number): Promise<void> {
    const has = (table: Table, key: Key) => this.#meta.has(table, key);
    if (its.sequence === sequence + 1 && its.records.length > 0) {
      const one = new Replay({ has, write: (changes) => this.#meta.write(changes, its) });
      await one.add(its.records);
      await one.flush();
      // If the metadata had all of it, only the number is written.
      if (one.made === 0) await this.#meta.write([], its);
      return;
    }
    let damaged = 0;
    // The number of the journal's end is written last, so that after a kill all of this is done again.
    const last = { ...its, sequence, records: [] };
    const all = new Replay({ has, write: (changes) => this.#meta.write(changes, last) });
    for await (const frame of readJournal(this.#store.journal, () => damaged++)) {
      if (frame.store === its.store) await all.add(frame.records);
    }
    await all.flush();
    if (damaged > 0) await this.#meta.doubt();
    // A journal that was written anew lacks collected versions, which leaves gaps in the chains.
    for (const record of [...missingVersions(this.#meta.records())]) await all.add([record]);
    await all.flush();
    await this.#meta.write([], its);
    const lost = damaged > 0 ? `; ${damaged} lines of the journal are not whole, what they said is lost` : '';
    if (all.made > 0 || damaged > 0)
      this.#onReplayed(
        `${this.#store.root}: the metadata ended with commit ${sequence} and the journal with ` +
          `${its.sequence}, as when an older data.mdb is put back: ${all.made} changes were taken from the ` +
          `journal${lost}`,
      );
  }
}
