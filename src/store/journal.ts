// Journal: every change of the metadata a second time, in a file that is only appended to, from which the
// metadata can be built again. docs/store-format.md describes it for whoever has to read it without us.

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
  /** Counts the commits. A frame takes the place of the one before it when it has the same number. */
  sequence: number;
  /** The id of the store that the frame belongs to. */
  store: string;
  records: StoreRecord[];
}

/** Characters of the checksum: enough against accidents, which is what it is for. */
const checksumLength = 16;
/** Bytes of a frame with such records: a comma is behind each, and the rest stands around them. */
const frameBytes = (changes: number, bytes: number) => bytes + changes + 256;
/** Bytes that a frame has at most. */
const maxFrame = frameBytes(maxTogether, maxTogetherBytes);
/** Bytes that are ahead at least, and bytes that are allocated at a time. */
const least = 1024 * 1024;
const ahead = 4 * 1024 * 1024;

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, checksumLength);
}

/**
 * `LENGTH CHECKSUM JSON`, the length in bytes of the JSON, in eight hex digits. A record that was removed has
 * no value.
 */
export function frameLine({ sequence, store, records }: Frame): string {
  const its = `"sequence":${sequence},"store":${JSON.stringify(store)}`;
  const text = `{${its},"records":[${records.map(recordText).join()}]}`;
  const length = Buffer.byteLength(text).toString(16).padStart(8, '0');
  return `${length} ${checksum(text)} ${text}\n`;
}

/** Undefined for a line that is not whole. */
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
  /** What may not be on disk of what was appended before: goes before the next frame. One frame at most. */
  #doubtful: string;

  private constructor(path: string, file: FileHandle, torn: boolean) {
    this.#path = path;
    this.#file = file;
    this.#reserve = new DiskReserve(path, least, ahead);
    // A line that a crash cut off is ended, so that it is by itself.
    this.#doubtful = torn ? '\n' : '';
  }

  /** Makes the file when there is none. */
  static async open(path: string): Promise<{ journal: Journal; last: Frame | undefined }> {
    // A FIFO in its place is not waited for.
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

  /** Throws `store-full` when a frame of so many changes and bytes might not find disk. */
  ensureSpace(changes: number, bytes: number, frees: boolean): void {
    // The frame before, when it is in doubt, goes before its own.
    this.#reserve.ensure(Buffer.byteLength(this.#doubtful) + frameBytes(changes, bytes), frees);
  }

  /** Before the next commit: one that the journal missed is written first, or the next is refused. */
  async catchUp(): Promise<void> {
    if (this.#doubtful.length > 1) await this.#write(this.#doubtful, this.#doubtful);
  }

  /** Durable when it resolves. */
  append(frame: Frame): Promise<void> {
    const line = frameLine(frame);
    return this.#write(this.#doubtful + line, `\n${line}`);
  }

  // In doubt until the disk has it. It may be there twice then, which changes nothing for readers.
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
  // Two frames: one may be torn.
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
 * A journal of all records there are, in the place of the one at `path`. The frames of such a beginning count
 * up to -1; one without records, with the number of the last commit, closes it.
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
    // Half of it would keep a full disk full.
    await rm(temporary, { force: true }).catch(() => {});
    throw named(temporary, cause);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * The frames of the journal at `path` that count, in their order: the last of those with one number.
 * @param onDamaged hears of each line that is not whole.
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
