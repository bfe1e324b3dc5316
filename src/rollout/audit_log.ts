// AuditLog: an append-only file of JSON lines that records who changed what about the running server, when
// and why. An entry is on disk when append() resolves.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod';
import { naming } from '../named_errors.ts';

/** Most bytes of one entry. A longer entry is refused when it is written and skipped when it is read. */
const maxEntry = 64 * 1024;
const blockBytes = 64 * 1024;
const newline = 0x0a;

const entrySchema = z.looseObject({
  at: z.iso.datetime(),
  who: z.string().min(1).max(200),
  action: z.string().min(1).max(100),
  why: z.string().max(1000),
});

export type AuditEntry = z.infer<typeof entrySchema>;

export class AuditLog {
  readonly #path: string;
  readonly #file: FileHandle;
  /** The last append: each append waits for the one before it, so that lines never mix. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Whether the file may end in the middle of a line, which a crash or a full disk leaves behind. */
  #torn: boolean;

  private constructor(path: string, file: FileHandle, torn: boolean) {
    this.#path = path;
    this.#file = file;
    this.#torn = torn;
  }

  /**
   * Opens the file and creates it with mode 0600 when it does not exist. If a crash cut off the last line,
   * the next append ends that line first. Rejects when the file cannot be opened.
   */
  static async open(path: string): Promise<AuditLog> {
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
    const flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
    const file = await open(path, flags, 0o600).catch((cause) => {
      throw new Error(`${path}: the audit log cannot be opened: ${(cause as Error).message}`, { cause });
    });
    try {
      const found = await file.stat();
      // It is read again after a restart, which a FIFO or a device cannot be.
      if (!found.isFile())
        throw new Error(`${path}: the audit log has to be an ordinary file; name one in control.audit`);
      const { size } = found;
      const last = Buffer.alloc(1);
      if (size > 0) await file.read(last, 0, 1, size - 1);
      return new AuditLog(path, file, size > 0 && last[0] !== newline);
    } catch (cause) {
      await file.close();
      throw cause;
    }
  }

  /**
   * Resolves when the entry is on disk. Rejects when it cannot be written; readers then skip what was
   * written of it.
   */
  append(entry: Omit<AuditEntry, 'at'> & { who: string; action: string; why: string }): Promise<AuditEntry> {
    const whole = entrySchema.parse({ ...entry, at: new Date().toISOString() });
    const line = `${JSON.stringify(whole)}\n`;
    if (Buffer.byteLength(line) > maxEntry) throw new Error('the audit entry is longer than 64 KiB');
    const written = this.#turn.then(async () => {
      const bytes = this.#torn ? `\n${line}` : line;
      this.#torn = true;
      await naming(this.#path, async () => {
        await this.#file.appendFile(bytes);
        this.#torn = false;
        await this.#file.datasync();
      });
      return whole;
    });
    this.#turn = written.catch(() => {});
    return written;
  }

  /** The newest entry with this action. */
  last(action: string): AuditEntry | undefined {
    for (const entry of this.#backwards()) if (entry.action === action) return entry;
    return undefined;
  }

  /** The newest entries, newest first. */
  recent(limit: number): AuditEntry[] {
    const found: AuditEntry[] = [];
    for (const entry of this.#backwards()) {
      if (found.length >= limit) break;
      found.push(entry);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }

  *#backwards(): Generator<AuditEntry> {
    for (const line of linesBackwards(this.#path)) {
      const entry = entryOf(line);
      if (entry) yield entry;
    }
  }
}

// Undefined when the line is not a valid entry: a crash or an editor can leave such lines.
function entryOf(line: string): AuditEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** The lines of a file, last line first. Reads one block at a time and skips lines longer than maxEntry. */
function* linesBackwards(path: string): Generator<string> {
  const file = openSync(path, constants.O_RDONLY);
  try {
    let rest = Buffer.alloc(0);
    for (let at = fstatSync(file).size; at > 0; ) {
      const size = Math.min(blockBytes, at);
      at -= size;
      const block = Buffer.alloc(size);
      readSync(file, block, 0, size, at);
      let unread = Buffer.concat([block, rest]);
      for (let end = unread.lastIndexOf(newline); end >= 0; end = unread.lastIndexOf(newline)) {
        if (end + 1 < unread.length) yield unread.toString('utf8', end + 1);
        unread = unread.subarray(0, end);
      }
      rest = unread.length > maxEntry ? Buffer.alloc(0) : unread;
    }
    if (rest.length > 0) yield rest.toString('utf8');
  } finally {
    closeSync(file);
  }
}
