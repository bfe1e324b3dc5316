// DiskAfterACut: what a disk may have of files and folders when its power goes, from the calls that a process
// made. What was synced is there. Anything else is there or not, each write and each change of a folder by
// itself, but for a rename, which file systems with a journal do whole.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';

export interface Call {
  call: string;
  path: string;
  to: string;
  number: number;
  data: Buffer;
}

/** The lines that record.c writes. */
export function* callsOf(recording: Buffer): Generator<Call> {
  for (let at = 0; at < recording.length; ) {
    const end = recording.indexOf('\n', at);
    const [call = '', path = '', to = '', number, length] = recording.toString('utf8', at, end).split('\t');
    at = end + 1 + Number(length);
    yield { call, path, to, number: Number(number), data: recording.subarray(end + 1, at) };
  }
}

interface Write {
  at: number;
  /** Absent: the file is cut to `at` bytes, or filled up with zeros. */
  data?: Buffer;
  isDurable: boolean;
}

interface Inode {
  isFolder: boolean;
  writes: Write[];
}

/** One call's: each path gets an inode, or none. */
interface Change {
  entries: [path: string, inode: Inode | undefined][];
  isDurable: boolean;
}

/** Bytes that a disk writes whole. */
const sector = 512;

/** Which of the things that may be there or not are there. */
export interface Policy {
  keepsChange(): boolean;
  /** The part of the bytes that is there, from 0 to 1. */
  keepsWrite(): number;
}

/** A path's content; undefined for a folder. */
export type Found = Map<string, Buffer | undefined>;

export class DiskAfterACut {
  /** As the process sees it. */
  readonly #now = new Map<string, Inode>();
  #changes: Change[] = [];

  /** @param dir is there before. */
  constructor(dir: string) {
    const folder = { isFolder: true, writes: [] };
    this.#now.set(dir, folder);
    this.#changes.push({ entries: [[dir, folder]], isDurable: true });
  }

  do({ call, path, to, number, data }: Call): void {
    const inode = this.#now.get(path);
    if (call === 'sync') this.#sync(path);
    else if (call === 'sync-all') this.settle();
    else if (call === 'mkdir') this.#change([[path, { isFolder: true, writes: [] }]]);
    else if (call === 'unlink') this.#change([[path, undefined]]);
    else if (inode) this.#doTo(inode, { call, path, to, number, data });
    else if (call.startsWith('create')) this.#change([[path, { isFolder: false, writes: [] }]]);
    // Anything else is done to a file that was removed while it was open: nobody looks for it.
  }

  #doTo(inode: Inode, { call, path, to, number, data }: Call): void {
    if (call === 'rename' && inode.isFolder) throw new Error(`${path}: renamed folders are not known here`);
    if (call === 'rename')
      this.#change([
        [path, undefined],
        [to, inode],
      ]);
    else if (call === 'link') this.#change([[to, inode]]);
    else if (call === 'create-empty') inode.writes.push({ at: 0, isDurable: false });
    else if (call === 'truncate') inode.writes.push({ at: number, isDurable: false });
    else if (call.startsWith('write'))
      inode.writes.push({ at: number, data, isDurable: call === 'write-synced' });
  }

  #change(entries: Change['entries']): void {
    for (const [path, inode] of entries) {
      if (inode) this.#now.set(path, inode);
      else this.#now.delete(path);
    }
    this.#changes.push({ entries, isDurable: false });
  }

  #sync(path: string): void {
    const inode = this.#now.get(path);
    for (const write of inode?.writes ?? []) write.isDurable = true;
    if (!inode?.isFolder) return;
    for (const change of this.#changes)
      if (change.entries.some(([each]) => dirname(each) === path)) change.isDurable = true;
  }

  /** All that was done is kept from now on. */
  settle(): void {
    for (const change of this.#changes) change.isDurable = true;
    for (const inode of this.#now.values()) for (const write of inode.writes) write.isDurable = true;
  }

  /** What is there when the power goes now. */
  after(policy: Policy): Found {
    const entries = new Map<string, Inode>();
    for (const { entries: changed, isDurable } of this.#changes) {
      if (!isDurable && !policy.keepsChange()) continue;
      for (const [path, inode] of changed) {
        if (inode) entries.set(path, inode);
        else entries.delete(path);
      }
    }
    const found: Found = new Map();
    const contents = new Map<Inode, Buffer>();
    for (const path of [...entries.keys()].sort()) {
      // The name is in a folder that is not there.
      if (found.size > 0 && !found.has(dirname(path))) continue;
      const inode = entries.get(path) as Inode;
      const content = contents.get(inode) ?? contentOf(inode, policy);
      contents.set(inode, content);
      found.set(path, inode.isFolder ? undefined : content);
    }
    return found;
  }
}

function contentOf({ writes }: Inode, policy: Policy): Buffer {
  let content = Buffer.alloc(0);
  for (const { at, data, isDurable } of writes) {
    const part = isDurable ? 1 : policy.keepsWrite();
    if (part === 0) continue;
    const length = data && part < 1 ? Math.floor((data.length * part) / sector) * sector : data?.length;
    if (data === undefined) content = resized(content, at);
    else if (length) {
      if (at + length > content.length) content = resized(content, at + length);
      data.copy(content, at, 0, length);
    }
  }
  return content;
}

function resized(content: Buffer, size: number): Buffer<ArrayBuffer> {
  const next = Buffer.alloc(size);
  content.copy(next, 0, 0, size);
  return next;
}

/** Makes what was found, at `to` instead of `from`. */
export function materialize(found: Found, from: string, to: string): void {
  for (const [path, content] of found) {
    const target = to + path.slice(from.length);
    if (content === undefined) mkdirSync(target, { recursive: true, mode: 0o700 });
    else {
      writeFileSync(target, content, { mode: 0o600 });
      // As the engine leaves them; chmod is not in the recording, as it is set before the bytes are synced.
      if (/^[0-9a-f]{64}$/.test(basename(target))) chmodSync(target, 0o444);
    }
  }
}
