// RegularFile: opening what may be anything. A FIFO that stands in the place of a file would be waited for
// without end, and a device read without end.

import { closeSync, constants, createReadStream, fstatSync, openSync, type ReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const flags = constants.O_RDONLY | constants.O_NONBLOCK;

function noFile(path: string): Error {
  const error: NodeJS.ErrnoException = new Error(`${path}: is no ordinary file`);
  return Object.assign(error, { code: 'EINVAL' });
}

/** A descriptor for reading. Throws when it is no file. */
export function openRegularSync(path: string): number {
  const fd = openSync(path, flags);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw noFile(path);
}

/** For reading. Rejects when it is no file. */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, flags);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw noFile(path);
}

/** What a file of the store's own holds, as text. Rejects when it is no file, or larger than it can be. */
export async function readRegular(path: string, maxBytes: number): Promise<string> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw new Error(`${path}: expected at most ${maxBytes} bytes, found ${size}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** The bytes of a file. Throws when it is none. */
export function streamRegular(
  path: string,
  options: { highWaterMark?: number; end?: number } = {},
): ReadStream {
  return createReadStream(path, { ...options, fd: openRegularSync(path) });
}
