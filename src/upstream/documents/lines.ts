// Lines: the lines of a file that an upstream sent, uncompressed. It may be hostile: its bytes are compared
// with their digest, and what it unfolds to is bounded.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import * as xz from 'xz-decompress';
import type { Document, Format } from './document.ts';

// Runtimes and bundlers differ in what of a CommonJS module has a name.
const { XzReadableStream } = ('default' in xz && xz.default ? xz.default : xz) as typeof xz;

/** Characters of a line; what is behind them is left out. */
const maxLine = 64 * 1024;

/** What has more than is taken, and took long to be found out. */
export class TooMuch extends Error {}

/**
 * Rejects when it has other bytes than its digest says, does not unfold, or to more than `most` bytes. What
 * `take` got before counts for nothing then.
 */
export async function readLines(
  { path, digest, format }: Document,
  most: number,
  take: (line: string) => void,
): Promise<void> {
  const hash = createHash('sha256');
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  const compressed = hashed(file, hash);
  let left = most;
  let rest = '';
  for await (const piece of unfolded(compressed, format)) {
    left -= piece.length;
    if (left < 0) throw new TooMuch(`it unfolds to more than ${most} bytes`);
    const text = rest + piece.toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      take(text.slice(from, Math.min(end, from + maxLine)));
      from = end + 1;
    }
    rest = text.slice(from, from + maxLine);
  }
  if (rest !== '') take(rest);
  // What is behind the end of a compressed file belongs to its digest, too.
  for await (const _ of compressed);
  if (hash.digest('hex') !== digest) throw new Error(`${path} has other bytes than ${digest}`);
}

async function* hashed(file: AsyncIterable<Buffer>, hash: ReturnType<typeof createHash>) {
  for await (const piece of file) {
    hash.update(piece);
    yield piece;
  }
}

function unfolded(compressed: AsyncGenerator<Buffer>, format: Format): AsyncIterable<Buffer> {
  if (format === '.xz') return fromXz(compressed);
  if (format === '') return compressed;
  const unfolding = format === '.zst' ? zstd() : zlib.createGunzip();
  // What fails of the file is thrown to whoever reads the stream.
  pipeline(Readable.from(compressed), unfolding, () => {});
  return unfolding;
}

/** Node has it from 22.15 on, and Bun and Deno have it. */
function zstd(): zlib.Gunzip {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => zlib.Gunzip };
  if (createZstdDecompress) return createZstdDecompress();
  throw new Error(`this runtime (${process.version}) does not unfold zstd`);
}

/** Pieces without a byte, in a row, after which a file is one that has no end. */
const mostEmpty = 100;

async function* fromXz(compressed: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await compressed.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const reader = new XzReadableStream(source).getReader();
  try {
    for (let empty = 0; empty < mostEmpty; empty++) {
      const { value, done } = await reader.read();
      if (done) return;
      if (value.length > 0) empty = 0;
      // The decoder fills the same memory with the next piece.
      yield Buffer.from(value);
    }
    throw new Error('it breaks off');
  } finally {
    // One file at a time is unfolded: the next one waits for this.
    await reader.cancel().catch(() => {});
  }
}
