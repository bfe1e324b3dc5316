// StoreFormat: the file `format` of a store, which says how to read the rest. A store of an older format is
// upgraded when it is opened for writing; docs/store-format.md tells what the formats are.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../durable_file.ts';
import { readRegular } from '../regular_file.ts';

/** Bytes: far more than the line has. */
const maxBytes = 4096;

const current = 'sealgate store 2\n';
/**
 * Written before the first change of an upgrade, so that versions that know only format 1 refuse the store.
 */
const upgrading = 'sealgate store 1, upgrading to 2\n';
const older = ['sealgate store 1\n', upgrading];

export class StoreFormat {
  readonly #path: string;
  #text: string | undefined;
  /** Milliseconds since the epoch: when the format was written. */
  #since = 0;

  private constructor(path: string, text: string | undefined) {
    this.#path = path;
    this.#text = text;
  }

  /** When the store got this format, in milliseconds since the epoch. Nothing was collected before. */
  get since(): number {
    return this.#since;
  }

  /** Whether the store was made by this process: it is empty. */
  isMade = false;

  /** Whether the store has the newest format and its upgrade is complete. */
  get isCurrent(): boolean {
    return this.#text === current;
  }

  /**
   * Rejects when the store was made by a newer version, or when there is none.
   * @param writes whether to create the file in a new store. A file that is empty, or missing beside
   *   metadata, was lost in a power cut by a version that did not sync it; such a store counts as an older
   *   one.
   */
  static async read(root: string, writes: boolean): Promise<StoreFormat> {
    const path = join(root, 'format');
    const text = await readRegular(path, maxBytes).catch((error) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const format = new StoreFormat(path, text);
    if (text !== undefined) format.#since = (await stat(path)).mtimeMs;
    if (text === current || (text !== undefined && older.includes(text))) return format;
    if (text !== undefined && text !== '') throw new Error(refusal(path, text));
    if (!writes && text === undefined)
      throw new Error(
        `${root}: there is no store here; make one with 'sealgate init', or name another with --config or ` +
          '--store',
      );
    format.isMade = writes && (await isNew(root));
    if (format.isMade) await format.#write(current);
    return format;
  }

  /**
   * Call it before the first change: from then on only those who know the newest format write to the store.
   */
  async begin(): Promise<void> {
    if (!this.isCurrent && this.#text !== upgrading) await this.#write(upgrading);
  }

  /** Marks the upgrade as incomplete, so that it is done again before anything is collected. */
  doubt(): Promise<void> {
    return this.#write(upgrading);
  }

  /** Call it when all of the upgrade is on disk. */
  complete(): Promise<void> {
    return this.#write(current);
  }

  async #write(text: string): Promise<void> {
    await replaceFile(this.#path, text);
    this.#text = text;
    this.#since = Date.now();
  }
}

function refusal(path: string, text: string): string {
  const found = text.trim().slice(0, 40);
  const number = /^sealgate store (\d+)/.exec(text)?.[1];
  const what =
    number !== undefined && Number(number) > 2
      ? `format ${number} is of a newer version of sealgate: open the store with that version`
      : 'it is not the format of a store; bring back the file from a backup';
  return `${path}: expected "${current.trim()}", found "${found}"; ${what}`;
}

async function isNew(root: string): Promise<boolean> {
  for (const path of ['meta/data.mdb', 'journal', 'blobs/id']) {
    const isThere = await stat(join(root, path)).then(
      () => true,
      (error) => {
        if (error.code !== 'ENOENT') throw error;
        return false;
      },
    );
    if (isThere) return false;
  }
  return true;
}
