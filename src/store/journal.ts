// Journal: a second copy of every change of the metadata, in a file that is only appended to. The metadata
// can be rebuilt from it. docs/store-format.md describes its format for those who must read it with other
// tools.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { syncFolder } from '../durable_file.ts';
import { KeyedLock } from '../keyed_lock.ts';
import { naming } from '../named_errors.ts';
import { streamRegular } from '../regular_file.ts';
import { DiskReserve } from './disk_reserve.ts';
import { type Key, maxTogether, maxTogetherBytes, recordText, type StoreRecord } from './records.ts';

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
/** Bytes that are copied at a time from one journal to the next. */
const copied = 1024 * 1024;
/** The one key of the lock of a journal. */
const whole = '';

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
  #file: FileHandle;
  #reserve: DiskReserve;
  /** Held while the file is written to, or changed for another. */
  readonly #lock = new KeyedLock();
  /** Bytes of the file. */
  #bytes: number;
  /** Whether the file took the place of another that may come back in a power cut. */
  #mayReturn = false;
  /**
   * The part of the last append that may not be on disk, one frame at most. It is written again before the
   * next.
   */
  #doubtful: string;

  private constructor(path: string, file: FileHandle, { torn, bytes }: { torn: boolean; bytes: number }) {
    this.#path = path;
    this.#file = file;
    this.#bytes = bytes;
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
      const { last, ...end } = await naming(path, () => tailOf(file));
      return { journal: new Journal(path, file, end), last };
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
  #write(text: string, doubtful: string): Promise<void> {
    return this.#lock.run(whole, async () => {
      this.#doubtful = doubtful;
      await this.#stay();
      await naming(this.#path, async () => {
        try {
          await this.#file.appendFile(text);
          await this.#file.datasync();
          this.#bytes += Buffer.byteLength(text);
        } catch (cause) {
          this.#bytes = (await this.#file.stat()).size;
          throw cause;
        }
      });
      this.#doubtful = '';
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether all that was appended is on disk. */
  get isSettled(): boolean {
    return this.#doubtful === '';
  }

  /**
   * Copies what was appended behind an offset to the end of another file, while more may be appended.
   * @returns how far it came.
   */
  async copyTo(file: FileHandle, from: number): Promise<number> {
    const buffer = Buffer.alloc(copied);
    for (let at = from; ; ) {
      const { bytesRead } = await naming(this.#path, () => this.#file.read(buffer, 0, copied, at));
      if (bytesRead === 0) return at;
      await file.appendFile(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  /**
   * Goes on in a file that says the same up to `from`, which takes the place of this one. Appends wait
   * meanwhile. When it rejects, it goes on in the present one.
   */
  continueIn(next: { path: string; file: FileHandle }, from: number): Promise<void> {
    return this.#lock.run(whole, async () => {
      if (!this.isSettled) throw new Error('the last commit is not on disk');
      await this.copyTo(next.file, from);
      // Commits that free space are to find room in this one too, once it is in the place.
      new DiskReserve(next.path, least, ahead).ensure();
      await next.file.sync();
      await rename(next.path, this.#path);
      const before = this.#file;
      this.#file = next.file;
      this.#bytes = (await next.file.stat()).size;
      this.#reserve = new DiskReserve(this.#path, least, ahead);
      this.#mayReturn = true;
      // The next append tries again to sync the folder, and what the file had is on disk.
      await Promise.allSettled([before.close(), this.#stay()]);
    });
  }

  /** What is appended must not be lost because the file that was there before is there again. */
  async #stay(): Promise<void> {
    if (!this.#mayReturn) return;
    await syncFolder(dirname(this.#path));
    this.#mayReturn = false;
  }

  async close(): Promise<void> {
    await this.#lock.run(whole, () => this.#file.close());
  }
}

/** The last whole frame, and whether the file ends in the middle of a line. */
async function tailOf(file: FileHandle): Promise<{ last: Frame | undefined; torn: boolean; bytes: number }> {
  const { size } = await file.stat();
  // Reads as much as two frames may have, because the last may be torn.
  const length = Math.min(size, 2 * maxFrame + 2);
  const tail = Buffer.alloc(length);
  await file.read(tail, 0, length, size - length);
  const lines = tail.toString('utf8').split('\n');
  const torn = lines.at(-1) !== '';
  for (const line of lines.reverse()) {
    const last = parseFrame(line);
    if (last) return { last, torn, bytes: size };
  }
  return { last: undefined, torn, bytes: size };
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
