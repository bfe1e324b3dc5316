// Preparation: what has to be in place before the first commit: the store's format, its id beside blobs and
// metadata, and a journal that ends where the metadata do. It is tried when a store is opened; where it
// fails, as on a full disk, the store can be read, and it is tried again before each commit.

import { stat } from 'node:fs/promises';
import { missingVersions } from './gaps.ts';
import { writeId } from './identity.ts';
import { type Frame, Journal, readJournal, writeJournal } from './journal.ts';
import type { Key, StoreRecord, Table } from './records.ts';
import { Replay } from './replay.ts';

/** Bytes of a journal below which it is left as it is, and how much longer than the metadata it may be. */
const leastOvergrown = 64 * 1024 * 1024;
const overgrowth = 4;

const isDone = () => true;
const isNotDone = () => false;

/** The metadata, as far as this needs them. */
export interface PreparedMetadata {
  has(table: Table, key: Key): boolean;
  records(): Iterable<StoreRecord>;
  /** The format is on disk, and there are its tables, when it resolves. */
  announce(): Promise<void>;
  /** Names may have lost what keeps their blobs: durable, when it resolves, until that is made anew. */
  doubt(): Promise<void>;
  hasId(): boolean;
  /** Size of the data file. */
  bytes(): number;
  /** Their file, and that it is there, is on disk when it resolves. LMDB does not see to that. */
  sync(): Promise<void>;
  putId(id: string): Promise<void>;
  /** The frame of the last commit. */
  last(): Frame | undefined;
  /** In one transaction: these changes, and `last`. */
  write(changes: StoreRecord[], last: Frame): Promise<void>;
}

export interface PreparedStore {
  root: string;
  id: string;
  /** Whether blobs/ says it. */
  blobsHaveId: boolean;
  /** Path of the journal. */
  journal: string;
}

export class Preparation {
  readonly #store: PreparedStore;
  readonly #meta: PreparedMetadata;
  readonly #onReplayed: (said: string) => void;
  #blobsHaveId: boolean;
  #journal: Journal | undefined;

  /** @param onReplayed hears, as a sentence, that the journal had commits that the metadata had not. */
  constructor(store: PreparedStore, meta: PreparedMetadata, onReplayed: (said: string) => void) {
    this.#store = store;
    this.#meta = meta;
    this.#onReplayed = onReplayed;
    this.#blobsHaveId = store.blobsHaveId;
  }

  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** Makes sure that there is a journal. Calls that overlap share one run. */
  async ensure(): Promise<Journal> {
    if (this.#journal) return this.#journal;
    const { root, id } = this.#store;
    await this.#meta.announce();
    if (!this.#meta.hasId()) await this.#meta.sync();
    if (!this.#blobsHaveId) await writeId(root, id);
    this.#blobsHaveId = true;
    if (!this.#meta.hasId()) await this.#meta.putId(id);
    this.#journal = await this.#openJournal();
    return this.#journal;
  }

  // One that ends where the metadata do. What it lacks of the last commit is added; one that lacks more than
  // that, is another store's, or is far longer than what there is, is written anew.
  async #openJournal(): Promise<Journal> {
    const { id, journal: path } = this.#store;
    const { journal, last: its } = await Journal.open(path);
    try {
      const last = this.#meta.last();
      const sequence = last?.sequence ?? 0;
      const found = its?.store === id ? its.sequence : Number.NEGATIVE_INFINITY;
      if (its && found > sequence) await this.#replay(its, sequence);
      if (last && found === sequence - 1) await journal.append(last);
      const isWhole = found >= sequence - Number(last !== undefined);
      if (isWhole && !(await this.#isOvergrown())) return journal;
      const written = writeJournal(path, id, Math.max(found, sequence), this.#meta.records());
      // Where the disk has no room for a shorter journal, the present one does as well.
      if (isWhole && !(await written.then(isDone, isNotDone))) return journal;
      await written;
    } catch (cause) {
      await journal.close();
      throw cause;
    }
    await journal.close();
    return (await Journal.open(path)).journal;
  }

  // What was overwritten and collected since is in the journal still.
  async #isOvergrown(): Promise<boolean> {
    const { size } = await stat(this.#store.journal);
    return size > leastOvergrown && size > overgrowth * this.#meta.bytes();
  }

  // The one commit that was under way when the process was killed is the journal's last frame. Where there
  // are more an older data.mdb was put back; a journal that was written anew since has everything before its
  // first commit, so that all of it is compared. A record that was removed since is there again until the
  // frame that removes it.
  async #replay(its: Frame, sequence: number): Promise<void> {
    const has = (table: Table, key: Key) => this.#meta.has(table, key);
    if (its.sequence === sequence + 1 && its.records.length > 0) {
      const one = new Replay({ has, write: (changes) => this.#meta.write(changes, its) });
      await one.add(its.records);
      await one.flush();
      // All of it may have been there.
      if (one.made === 0) await this.#meta.write([], its);
      return;
    }
    let damaged = 0;
    // With the number of the journal's end at last: until then a kill is followed by the same once more.
    const last = { ...its, sequence, records: [] };
    const all = new Replay({ has, write: (changes) => this.#meta.write(changes, last) });
    for await (const frame of readJournal(this.#store.journal, () => damaged++)) {
      if (frame.store === its.store) await all.add(frame.records);
    }
    await all.flush();
    if (damaged > 0) await this.#meta.doubt();
    // A version that was collected is there again where the journal was written anew since.
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
