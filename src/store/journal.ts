// Journal: a second copy of every change of the metadata, in a file that is only appended to. The metadata
// can be rebuilt from it. docs/store-format.md describes its format for those who must read it with other
// tools.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { syncFolder } from '../durable_file.ts';
import { named, naming } from '../named_errors.ts';
import { streamRegular } from '../regular_file.ts';
import { DiskReserve } from './disk_reserve.ts';
import {
  inCommits,
  type Key,
  maxTogether,
  maxTogetherBytes,
  recordText,
  type StoreRecord,
} from './records.ts';

/** What one commit changed, in one line. */
export interface Frame {
  /** Number of the commit. A frame replaces the one before it when both have the same number. */
  sequence: number;
  /** The id of the store that the frame belongs to. */
  store: string;
  records: StoreRecord[];
}

/** Characters of the checksum, which is to find accidental damage, and not forgery. */
const checksumLength = 16;
/** Bytes of a frame with so many changes: their texts, a comma behind each, and the text around them. */
const frameBytes = (changes: number, bytes: number) => bytes + changes + 256;
/** Bytes that a frame has at most. */
const maxFrame = frameBytes(maxTogether, maxTogetherBytes);
/** Least bytes kept allocated ahead, and bytes allocated at a time. */
const least = 1024 * 1024;
const ahead = 4 * 1024 * 1024;

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, checksumLength);
}

/**
 * The line of a frame: `LENGTH CHECKSUM JSON`. LENGTH is that of the JSON in bytes, in eight hex digits. A
 * record that was removed has no value.
 */
export function frameLine({ sequence, store, records }: Frame): string {
  const its = `"sequence":${sequence},"store":${JSON.stringify(store)}`;
  const text = `{${its},"records":[${records.map(recordText).join()}]}`;
  const length = Buffer.byteLength(text).toString(16).padStart(8, '0');
  return `${length} ${checksum(text)} ${text}\n`;
}

/** The frame of a line; undefined: the line is damaged. */
export function parseFrame(line: string): Frame | undefined {
  const found = /^([0-9a-f]{8}) ([0-9a-f]{16}) /.exec(line);
  const text = line.slice(found?.[0].length);
  if (
    !found ||
    checksum(text) !== found[2] ||
    Buffer.byteLength(text) !== Number.parseInt(found[1] ?? '', 16)
  )
    return undefined;
  const { sequence, store, records } = JSON.parse(text) as {
    sequence: number;
    store: string;
    records: [StoreRecord['table'], Key, unknown?][];
  };
  return { sequence, store, records: records.map(([table, key, value]) => ({ table, key, value })) };
}

export class Journal {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #reserve: DiskReserve;
  /**
   * The part of the last append that may not be on disk, one frame at most. It is written again before the
   * next.
   */
  #doubtful: string;

  private constructor(path: string, file: FileHandle, torn: boolean) {
    this.#path = path;
    this.#file = file;
    this.#reserve = new DiskReserve(path, least, ahead);
    // Ends a line that a crash cut off, so that the next frame has a line of its own.
    this.#doubtful = torn ? '\n' : '';
  }

  /** Opens the journal, and creates the file if it is missing. */
  static async open(path: string): Promise<{ journal: Journal; last: Frame | undefined }> {
    // With O_NONBLOCK a FIFO in its place does not block.
    const { O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK } = constants;
    const file = await open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0o600);
    try {
      if (!(await file.stat()).isFile()) throw new Error(`${path}: is no ordinary file`);
      const { last, torn } = await naming(path, () => tailOf(file));
      return { journal: new Journal(path, file, torn), last };
    } catch (cause) {
      await file.close();
      throw cause;
    }
  }

  /** Throws `store-full` when there may not be enough disk for a frame of so many changes and bytes. */
  ensureSpace(changes: number, bytes: number, frees: boolean): void {
    // An earlier frame that is in doubt is written again with this one.
    this.#reserve.ensure(Buffer.byteLength(this.#doubtful) + frameBytes(changes, bytes), frees);
  }

  /** Writes the commit that the journal missed, if any. Rejects, and then no further commit may be made. */
  async catchUp(): Promise<void> {
    if (this.#doubtful.length > 1) await this.#write(this.#doubtful, this.#doubtful);
  }

  /** Durable when it resolves. */
  append(frame: Frame): Promise<void> {
    const line = frameLine(frame);
    return this.#write(this.#doubtful + line, `\n${line}`);
  }

  // The text is in doubt until it is on disk. Written again it may be there twice, which readers ignore.
  async #write(text: string, doubtful: string): Promise<void> {
    this.#doubtful = doubtful;
    await naming(this.#path, async () => {
      await this.#file.appendFile(text);
      await this.#file.datasync();
    });
    this.#doubtful = '';
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The last whole frame, and whether the file ends in the middle of a line. */
async function tailOf(file: FileHandle): Promise<{ last: Frame | undefined; torn: boolean }> {
  const { size } = await file.stat();
  // Reads as much as two frames may have, because the last may be torn.
  const length = Math.min(size, 2 * maxFrame + 2);
  const tail = Buffer.alloc(length);
  await file.read(tail, 0, length, size - length);
  const lines = tail.toString('utf8').split('\n');
  const torn = lines.at(-1) !== '';
  for (const line of lines.reverse()) {
    const last = parseFrame(line);
    if (last) return { last, torn };
  }
  return { last: undefined, torn };
}

/**
 * Replaces the journal at `path` by one of all records. Its frames are numbered up to -1, and an empty frame
 * with the number of the last commit follows them.
 */
export async function writeJournal(
  path: string,
  store: string,
  sequence: number,
  records: Iterable<StoreRecord>,
): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    let number = -Number.MAX_SAFE_INTEGER;
    for (const some of inCommits(records))
      await file.writeFile(frameLine({ sequence: number++, store, records: some }));
    await file.writeFile(frameLine({ sequence, store, records: [] }));
    await file.sync();
  } catch (cause) {
    // Removes the unfinished file, since the disk may be full.
    await rm(temporary, { force: true }).catch(() => {});
    throw named(temporary, cause);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * The frames of the journal at `path` in their order; of several with one number the last.
 * @param onDamaged called with the number of each damaged line.
 */
export async function* readJournal(path: string, onDamaged: (line: number) => void): AsyncGenerator<Frame> {
  let waiting: Frame | undefined;
  let number = 0;
  for await (const line of createInterface({ input: streamRegular(path), crlfDelay: 0 })) {
    number++;
    if (line === '') continue;
    const frame = parseFrame(line);
    if (!frame) {
      onDamaged(number);
      continue;
    }
    if (waiting && waiting.sequence !== frame.sequence) yield waiting;
    waiting = frame;
  }
  if (waiting) yield waiting;
}
