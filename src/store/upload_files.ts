// UploadFiles: uploads in several requests as they are on disk, in a folder each: `data` are its bytes so
// far, and `record` is what is known of it. They outlive the process that writes them, and any process of the
// server may go on with one: whoever has the lock of its folder (flock(2), which the kernel releases with
// the process). The bytes are only ever appended to, so any number of them that was written is a right
// beginning.

import { chmod, mkdir, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile, syncFile, syncFolder } from '../durable_file.ts';
import { SealgateError } from '../errors.ts';
import { namesIn } from '../folder_names.ts';
import { isFull } from '../full_disk.ts';
import { naming } from '../named_errors.ts';
import { addon, type StoreLock } from '../native/addon.ts';
import { readRegular } from '../regular_file.ts';
import { makeFolder } from './layout.ts';

/** Bytes of a record; what clients say of an object is limited to far less. */
const maxRecordBytes = 1024 * 1024;
/** What the folders of uploads are called that are being made, or removed. */
const passing = /^[0-9a-f]{64}\.(?:new|gone)$/;
const named = /^[0-9a-f]{64}$/;

type Lock = Pick<StoreLock, 'release'>;
const noLock: Lock = { release: () => {} };

/** How far an upload is for whoever goes on with it. */
interface Progress {
  /** Bytes of `data` that are on disk. */
  synced: number;
  /** The start of the machine in which it was written; what was not synced is lost with the next. */
  boot: string;
}

export type RecordOf<About> = About & Progress;

export class UploadFiles<About extends object> {
  readonly #folders: () => readonly string[];
  readonly #boot: () => Promise<string>;

  /**
   * @param folders in which uploads may be; new ones are made in the first. @param boot tells one start of
   *   the machine from another; empty: it cannot be told.
   */
  constructor(folders: () => readonly string[], boot: () => Promise<string> = bootId) {
    this.#folders = folders;
    this.#boot = boot;
  }

  /** A new one, without bytes, durably. The caller has its lock. @param id 64 hex digits. */
  async make(id: string, about: About): Promise<UploadFile<About>> {
    const [folder = ''] = this.#folders();
    await makeFolder(folder);
    const making = join(folder, `${id}.new`);
    const path = join(folder, id);
    await mkdir(making, { mode: 0o700 });
    let lock: ReturnType<typeof lockOf>;
    try {
      lock = lockOf(making);
      if (!lock || lock === 'busy')
        throw new Error(`${making}: another process has the lock of a folder that was just made`);
      const record = { ...about, synced: 0, boot: await this.#boot() };
      await (await open(join(making, 'data'), 'wx', 0o600)).close();
      await replaceFile(join(making, 'record'), JSON.stringify(record));
      await rename(making, path);
      await syncFolder(folder);
      return new UploadFile(path, lock, record);
    } catch (cause) {
      for (const each of [making, path]) await rm(each, { recursive: true, force: true });
      if (typeof lock === 'object') lock.release();
      throw cause;
    }
  }

  /**
   * One that is there, to go on with it: the caller has its lock. What was not synced when the machine was
   * started anew is cut off. `busy`: another process has the lock. Undefined: there is none, or it cannot be
   * gone on with, and is removed.
   */
  async open(id: string): Promise<UploadFile<About> | 'busy' | undefined> {
    const path = await this.#find(id);
    const lock = path === undefined ? undefined : lockOf(path);
    if (path === undefined || lock === undefined) return undefined;
    if (lock === 'busy') return 'busy';
    try {
      const file = new UploadFile(path, lock, await recordIn<About>(path));
      if (await file.settle(await this.#boot())) return file;
      await file.remove();
      return undefined;
    } catch (cause) {
      lock.release();
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  /** How one stands that another process writes to. Undefined: there is none. */
  async peek(id: string): Promise<{ record: RecordOf<About>; size: number | undefined } | undefined> {
    const path = await this.#find(id);
    if (path === undefined) return undefined;
    try {
      return { record: await recordIn<About>(path), size: await sizeOf(path) };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  /** The ids of all that are there. */
  async ids(): Promise<string[]> {
    const names = await Promise.all(this.#folders().map(namesIn));
    return names.flat().filter((name) => named.test(name));
  }

  /** Removes what a process that ended was making or removing. */
  async clear(): Promise<void> {
    for (const folder of this.#folders())
      for (const name of (await namesIn(folder)).filter((each) => passing.test(each))) {
        const lock = lockOf(join(folder, name));
        if (lock === 'busy') continue;
        await rm(join(folder, name), { recursive: true, force: true });
        lock?.release();
      }
  }

  async #find(id: string): Promise<string | undefined> {
    if (!named.test(id)) return undefined;
    for (const folder of this.#folders()) {
      const path = join(folder, id);
      if (await stat(path).catch(ifMissing)) return path;
    }
    return undefined;
  }
}

/** One whose lock the caller has. */
export class UploadFile<About extends object> {
  readonly #path: string;
  readonly #lock: Lock;
  #record: RecordOf<About>;
  /** One change after another: each is of what the one before has left. */
  #noted: Promise<void> = Promise.resolve();

  constructor(path: string, lock: Lock, record: RecordOf<About>) {
    this.#path = path;
    this.#lock = lock;
    this.#record = record;
  }

  get record(): Readonly<RecordOf<About>> {
    return this.#record;
  }

  /** Where its bytes are. */
  get data(): string {
    return join(this.#path, 'data');
  }

  /**
   * Bytes that are there, and when the last came, in milliseconds since the epoch; undefined: the file was
   * placed in the store.
   */
  async state(): Promise<{ size: number; changed: number } | undefined> {
    const found = await stat(this.data).catch(ifMissing);
    return found && { size: found.size, changed: found.mtimeMs };
  }

  /** Records more of it, durably. Rejects with `store-full` where there is no room for that. */
  note(change: Partial<RecordOf<About>>): Promise<void> {
    const noted = this.#noted.then(() => this.#write({ ...this.#record, ...change }));
    this.#noted = noted.catch(() => {});
    return noted;
  }

  async #write(record: RecordOf<About>): Promise<void> {
    try {
      await replaceFile(join(this.#path, 'record'), JSON.stringify(record));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw isFull(code) ? new SealgateError('store-full', undefined, { cause }) : cause;
    }
    this.#record = record;
  }

  /** Resolves when so many bytes count also if the machine fails. */
  async sync(bytes: number): Promise<void> {
    if (bytes <= this.#record.synced) return;
    await syncFile(this.data);
    await this.note({ synced: bytes } as Partial<RecordOf<About>>);
  }

  /** Makes what counts and what is there one. False: bytes are gone that somebody was told of. */
  async settle(boot: string): Promise<boolean> {
    const there = await this.state();
    if (there === undefined) return true;
    const { synced } = this.#record;
    if (there.size < synced) return false;
    // A finished one is read-only.
    await chmod(this.data, 0o600);
    if (boot !== '' && boot === this.#record.boot) return true;
    await truncate(this.data, synced);
    await this.note({ boot } as Partial<RecordOf<About>>);
    return true;
  }

  /** Removes it with its bytes, and releases its lock, also where it rejects. */
  async remove(): Promise<void> {
    const gone = `${this.#path}.gone`;
    try {
      await rename(this.#path, gone).catch(ifMissing);
      await rm(gone, { recursive: true, force: true });
      await syncFolder(dirname(this.#path));
    } finally {
      this.release();
    }
  }

  release(): void {
    this.#lock.release();
  }
}

/** Undefined: there is no such folder. Without effect where the file system locks no folders (layout.ts). */
function lockOf(folder: string): Lock | 'busy' | undefined {
  try {
    // With a slash it is never made.
    return addon.lockStore(`${folder}/`) ?? 'busy';
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EBADF' && message.startsWith('flock')) return noLock;
    throw cause;
  }
}

async function recordIn<About>(path: string): Promise<RecordOf<About>> {
  const file = join(path, 'record');
  const text = await readRegular(file, maxRecordBytes);
  return naming(file, async () => JSON.parse(text) as RecordOf<About>);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(join(path, 'data')).catch(ifMissing))?.size;
}

function ifMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw cause;
  return undefined;
}

/** What the kernel calls this start of the machine (random(4)). */
function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'latin1').then(
    (id) => id.trim(),
    () => '',
  );
}
