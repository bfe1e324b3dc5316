// The charset of text: said only where it is proved. A file is text in UTF-8 when all of it decodes and it
// has no character that other encodings switch by: UTF-16 has zeros, ISO 2022 has escapes.

import { isUtf8 } from 'node:buffer';
import { provedUtf8 } from '../media_type.ts';
import { streamRegular } from '../regular_file.ts';

/** Bytes; larger files keep their type as it is. Some 2 ms a MiB, in pieces. */
const maxTextBytes = 16 * 1024 * 1024;
const pieceBytes = 64 * 1024;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const notOfText = /[\u0000-\u0008\u000e-\u001f\u007f]/;

/** The type, with `charset=utf-8` when it is one of text and the file at `path` is in UTF-8. */
export async function textType(type: string, path: string, size: number): Promise<string> {
  if (!type.startsWith('text/') || size > maxTextBytes || !(await isUtf8Text(path))) return type;
  return `${type}${provedUtf8}`;
}

/** As textType, of bytes that are a whole file. */
export function textTypeOf(type: string, bytes: Uint8Array): string {
  const isText = type.startsWith('text/') && bytes.length <= maxTextBytes && isUtf8(bytes);
  return isText && !notOfText.test(new TextDecoder().decode(bytes)) ? `${type}${provedUtf8}` : type;
}

// What cannot be read or decoded is not proved to be text.
async function isUtf8Text(path: string): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const piece of streamRegular(path, { highWaterMark: pieceBytes })) {
      if (notOfText.test(decoder.decode(piece, { stream: true }))) return false;
    }
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}
