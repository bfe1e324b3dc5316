// RegularFile: opening what may be anything. A FIFO that stands in the place of a file would be waited for
// without end, and a device read without end.

import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  type ReadStream,
  readFileSync,
  type Stats,
} from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { naming, namingSync } from './named_errors.ts';

const flags = constants.O_RDONLY | constants.O_NONBLOCK;
/** Bytes of a file that an operator names; bundles of certificates and lists of tokens have a few million. */
const maxNamed = 16 * 1024 * 1024;

function noFile(path: string, found: Stats): Error {
  const error: NodeJS.ErrnoException = new Error(`${path}: is no ordinary file`);
  return Object.assign(error, { code: found.isDirectory() ? 'EISDIR' : 'EINVAL' });
}

export interface Opening {
  /** A symbolic link in the file's own place is refused: it may be newer than the list of files. */
  noLink?: boolean;
}

/** A descriptor for reading. Throws when it is no file. */
export function openRegularSync(path: string, { noLink = false }: Opening = {}): number {
  const fd = openSync(path, noLink ? flags | constants.O_NOFOLLOW : flags);
  try {
    const found = fstatSync(fd);
    if (found.isFile()) return fd;
    throw noFile(path, found);
  } catch (cause) {
    closeSync(fd);
    throw cause;
  }
}

/** For reading. Rejects when it is no file. */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, flags);
  try {
    const found = await file.stat();
    if (found.isFile()) return file;
    throw noFile(path, found);
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

function checkSize(path: string, size: number, maxBytes: number): void {
  if (size > maxBytes) throw new Error(`${path}: expected at most ${maxBytes} bytes, found ${size}`);
}

/** What a file of the store's own holds, as text. Rejects when it is no file, or larger than it can be. */
export async function readRegular(path: string, maxBytes: number): Promise<string> {
  return (await bytesOf(path, maxBytes)).toString();
}

export function readRegularSync(path: string, maxBytes: number): string {
  const fd = openRegularSync(path);
  try {
    checkSize(path, fstatSync(fd).size, maxBytes);
    return namingSync(path, () => readFileSync(fd, 'utf8'));
  } finally {
    closeSync(fd);
  }
}

async function bytesOf(path: string, maxBytes: number): Promise<Buffer> {
  const file = await openRegular(path);
  try {
    checkSize(path, (await file.stat()).size, maxBytes);
    return await naming(path, () => file.readFile());
  } finally {
    await file.close();
  }
}

/**
 * What a file holds that an operator names: settings, certificates, keys, tokens. Rejects when it is no file,
 * but for a descriptor that the process was given, as shells do for `<(command)`.
 */
export async function readNamed(path: string): Promise<Buffer> {
  if (/^\/(?:dev\/(?:fd\/|stdin$)|proc\/)/.test(path)) return readFile(path);
  return bytesOf(path, maxNamed);
}

export function readNamedSync(path: string): string {
  return readRegularSync(path, maxNamed);
}

/** Why a file that an operator names cannot be read, in a few words. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EINVAL' ? 'it is no ordinary file' : (code ?? message);
}

/** The bytes of a file. Throws when it is none. */
export function streamRegular(
  path: string,
  { noLink = false, ...options }: Opening & { highWaterMark?: number; end?: number } = {},
): ReadStream {
  return createReadStream(path, { ...options, fd: openRegularSync(path, { noLink }) });
}
