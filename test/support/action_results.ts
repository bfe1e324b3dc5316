// Messages of Bazel's Remote Execution API for tests, right ones and wrong ones.

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { sha256 } from './bazel.ts';

interface Digest {
  hash: string;
  size: number | bigint;
}

export function digestOf(bytes: string | Uint8Array): Digest {
  return { hash: sha256(Buffer.from(bytes)), size: Buffer.from(bytes).length };
}

/** Field numbers, with a text, the bytes of a message or the number that the field has. */
type Fields = (readonly [field: number, value: string | Uint8Array | bigint])[];

export function message(...fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  for (const [field, value] of fields)
    if (typeof value === 'bigint') writer.tag(field, WireType.Varint).int64(value);
    else if (typeof value === 'string') writer.tag(field, WireType.LengthDelimited).string(value);
    else writer.tag(field, WireType.LengthDelimited).bytes(value);
  return writer.finish();
}

export function digest({ hash, size }: Digest): Uint8Array {
  return message([1, hash], [2, BigInt(size)]);
}

/** A file of a result. @param more further fields. */
export function file(path: string, its: Digest, ...more: Fields): Fields[number] {
  return [2, message([1, path], [2, digest(its)], ...more)];
}

/** A folder of a result. @param tree the digest of its tree. */
export function folder(path: string, tree: Digest): Fields[number] {
  return [3, message([1, path], [3, digest(tree)])];
}

/** The tree of a folder, each file in a folder of its own: the first in the root. */
export function tree(...files: Digest[]): Uint8Array {
  const directory = (its: Digest) => message([1, message([1, 'a'], [2, digest(its)])]);
  return message(...files.map((its, at): Fields[number] => [at === 0 ? 1 : 2, directory(its)]));
}
