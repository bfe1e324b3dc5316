// PageCheck: checks whether data.mdb can be opened. LMDB maps the file and trusts what it finds there: a file
// that was cut short or overwritten would end the process with a signal and without a message.
//
// The layout is data format 2 of the package's liblmdb, little-endian. Pages have no checksums. What can be
// checked is that every page that is reached lies in the file and is of the kind that it has to be.

import { closeSync, fstatSync, readSync } from 'node:fs';
import { openRegularSync } from '../regular_file.ts';

const magic = 0xbeefc0de;
const version = 2;
/** Bytes of a page's header, and of a node's. */
const header = 24;
const nodeHeader = 8;
const pageFlag = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 };
const nodeFlag = { big: 0x01, tree: 0x02 };
/** Offsets of the fields of a meta page. */
const at = {
  pageFlags: 18,
  magic: header,
  version: header + 4,
  pageSize: header + 24,
  freeRoot: header + 64,
  mainRoot: header + 112,
  transaction: header + 128,
};
/** Offset of the root in a tree's record in a leaf. */
const rootInRecord = 40;
/** The root of an empty tree. */
const none = 0xffff_ffff_ffff_ffffn;
/** The check is given up when commits have disturbed it so many times. */
const maxTries = 5;
/** LMDB's own bound for the height of a tree. */
const maxDepth = 32;

/**
 * What is wrong with the file, as a sentence without its path; undefined: nothing that can be seen.
 * @param reach `all` pages, which takes a second for some million names; the `top`: the meta pages, and the
 *   pages that trees begin with.
 */
export function pageFault(path: string, reach: 'all' | 'top'): string | undefined {
  const fd = openRegularSync(path);
  try {
    // A commit of another process may reuse pages during the check, so a fault counts only without one.
    for (let tries = 0; tries < maxTries; tries++) {
      const check = new PageCheck(fd, fstatSync(fd).size, reach === 'top' ? 1 : maxDepth);
      const fault = check.fault();
      if (fault === undefined || !check.isOutdated()) return fault;
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

class Damage extends Error {}

class PageCheck {
  readonly #fd: number;
  readonly #size: number;
  /** How many levels below a root are read. */
  readonly #reach: number;
  #pageSize = 0;
  #visited = 0;
  #transaction = 0n;

  constructor(fd: number, size: number, reach: number) {
    this.#fd = fd;
    this.#size = size;
    this.#reach = reach;
  }

  fault(): string | undefined {
    if (this.#size === 0) return undefined;
    try {
      const newest = this.#newest();
      this.#transaction = newest.readBigUInt64LE(at.transaction);
      for (const root of [at.freeRoot, at.mainRoot]) this.#tree(newest.readBigUInt64LE(root), 0);
      return undefined;
    } catch (error) {
      if (error instanceof Damage) return error.message;
      throw error;
    }
  }

  /** Whether a commit was made during the check. */
  isOutdated(): boolean {
    try {
      return this.#newest().readBigUInt64LE(at.transaction) !== this.#transaction;
    } catch (error) {
      if (error instanceof Damage) return false;
      throw error;
    }
  }

  #newest(): Buffer {
    const first = this.#meta(0, header + 136);
    this.#pageSize = first.readUInt32LE(at.pageSize);
    if (this.#pageSize < 512 || this.#pageSize > 65_536 || (this.#pageSize & (this.#pageSize - 1)) !== 0)
      throw new Damage(`its pages have ${this.#pageSize} bytes, which cannot be`);
    const second = this.#meta(this.#pageSize, header + 136);
    const isSecond = second.readBigUInt64LE(at.transaction) > first.readBigUInt64LE(at.transaction);
    return isSecond ? second : first;
  }

  #meta(offset: number, length: number): Buffer {
    const page = this.#read(offset, length);
    if (
      page.readUInt32LE(at.magic) !== magic ||
      page.readUInt32LE(at.version) !== version ||
      (page.readUInt16LE(at.pageFlags) & pageFlag.meta) === 0
    )
      throw new Damage(`what is at byte ${offset} is no meta page of LMDB`);
    return page;
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    if (offset + length > this.#size || readSync(this.#fd, bytes, 0, length, offset) !== length)
      throw new Damage(`it is cut short: it has ${this.#size} bytes and needs those at ${offset}`);
    return bytes;
  }

  #page(number: bigint): Buffer {
    if (number >= BigInt(this.#size)) throw new Damage(`it points at page ${number}, behind its end`);
    const page = this.#read(Number(number) * this.#pageSize, this.#pageSize);
    if (page.readBigUInt64LE(0) !== number) throw new Damage(`page ${number} is overwritten`);
    // Reaching more pages than the file has means that they form a circle.
    if (++this.#visited * this.#pageSize > this.#size) throw new Damage('its pages point in a circle');
    return page;
  }

  #tree(root: bigint, depth: number): void {
    if (root === none) return;
    if (depth >= maxDepth) throw new Damage(`page ${root} is deeper than a tree can be`);
    const page = this.#page(root);
    const kind = page.readUInt16LE(at.pageFlags) & (pageFlag.branch | pageFlag.leaf);
    if (kind !== pageFlag.branch && kind !== pageFlag.leaf) throw new Damage(`page ${root} is overwritten`);
    const nodes = nodesOf(page, root);
    if (depth >= this.#reach) return;
    for (const node of nodes) {
      if (kind === pageFlag.branch) this.#tree(BigInt(page.readUIntLE(node, 6)), depth + 1);
      else this.#leafNode(page, node, root, depth);
    }
  }

  #leafNode(page: Buffer, node: number, number: bigint, depth: number): void {
    const flags = page.readUInt16LE(node + 4);
    const data = node + nodeHeader + page.readUInt16LE(node + 6);
    const length = flags & nodeFlag.big ? header : page.readUInt32LE(node);
    if (data + length > this.#pageSize) throw new Damage(`page ${number} has a value that leaves it`);
    if (flags & nodeFlag.big) this.#overflow(page.readBigUInt64LE(data), page.readUInt32LE(node));
    else if (flags & nodeFlag.tree) this.#tree(page.readBigUInt64LE(data + rootInRecord), depth + 1);
  }

  #overflow(number: bigint, bytes: number): void {
    const page = this.#page(number);
    if ((page.readUInt16LE(at.pageFlags) & pageFlag.overflow) === 0)
      throw new Damage(`page ${number} is overwritten`);
    const end = Number(number) * this.#pageSize + header + bytes;
    if (end > this.#size) throw new Damage(`it is cut short: it has ${this.#size} bytes and needs ${end}`);
  }
}

/** Offsets of the nodes of a page. */
function nodesOf(page: Buffer, number: bigint): number[] {
  const [lower, upper] = [page.readUInt16LE(header - 4), page.readUInt16LE(header - 2)];
  if (lower > upper || upper > page.length - header) throw new Damage(`page ${number} is overwritten`);
  const nodes: number[] = [];
  for (let i = 0; i < lower / 2; i++) {
    const node = page.readUInt16LE(header + 2 * i) + header;
    if (node < header + upper || node + nodeHeader > page.length)
      throw new Damage(`page ${number} has an entry that leaves it`);
    if (node + nodeHeader + page.readUInt16LE(node + 6) > page.length)
      throw new Damage(`page ${number} has a key that leaves it`);
    nodes.push(node);
  }
  return nodes;
}
