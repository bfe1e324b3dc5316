// What is read of two messages of Bazel's Remote Execution API (remote_execution.proto): an ActionResult, and
// a Tree, which lists the files of a directory that an action made. Their bytes are kept as they came.

import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { DigestList } from './digest_list.ts';

/** What has to be there for an action result, or a folder with this tree, to be of use. */
export interface Named {
  /** All that it names, trees as well. */
  blobs: DigestList;
  /** Those of them that are trees. */
  trees: DigestList;
}

/** Files, folders and links of an action result, and files of a tree. */
export const mostNamed = { result: 50_000, tree: 500_000 };
/** Bytes. */
export const mostBytes: Record<MessageKind, number> = { result: 4 * 2 ** 20, tree: 64 * 2 ** 20 };

export type MessageKind = 'result' | 'tree';

/** Bytes that are no such message, or one that says what cannot be. */
export class MessageError extends Error {}

interface Digest {
  hash: string;
  size: number;
}

/** @returns whether it has read the field; what it has not is passed over. */
type Read = (tag: number, reader: BinaryReader) => boolean;

/** The tag of a field with text, bytes or a message. */
const bytesOf = (field: number) => (field << 3) | WireType.LengthDelimited;
const numberOf = (field: number) => (field << 3) | WireType.Varint;

const [outputFiles, outputDirectories] = [bytesOf(2), bytesOf(3)];
const [standardOutput, standardError] = [bytesOf(6), bytesOf(8)];
const links = [10, 11, 12].map(bytesOf);

/** Throws MessageError. */
export function readMessage(kind: MessageKind, bytes: Uint8Array): Named {
  const named =
    kind === 'result' ? actionResult(bytes) : { blobs: treeFiles(bytes), trees: new DigestList() };
  named.blobs.trim();
  named.trees.trim();
  return named;
}

function actionResult(bytes: Uint8Array): Named {
  const found: Named = { blobs: new DigestList(), trees: new DigestList() };
  const [output, errors] = [noDigest(), noDigest()];
  let named = 0;
  whole('result', bytes, (tag, reader) => {
    if (tag === standardOutput) readDigest(reader, output);
    else if (tag === standardError) readDigest(reader, errors);
    else if (tag === outputFiles) outputFile(reader, found);
    else if (tag === outputDirectories) outputDirectory(reader, found);
    else if (links.includes(tag)) link(reader);
    else return false;
    named++;
    if (named > mostNamed.result + 2)
      throw new MessageError(`An action result names up to ${mostNamed.result} files, folders and links.`);
    return true;
  });
  for (const each of [output, errors])
    if (each.hash !== '') addTo(found.blobs, each, 'what the action printed');
  return found;
}

function outputFile(reader: BinaryReader, { blobs }: Named): void {
  const its = noDigest();
  let path = '';
  let isInlined = false;
  nested(reader, (tag) => {
    if (tag === bytesOf(1)) path = reader.string(true);
    else if (tag === bytesOf(2)) readDigest(reader, its);
    else if (tag === bytesOf(5)) isInlined = reader.bytes().length > 0;
    else return false;
    return true;
  });
  checkPath(path);
  if (isInlined) checkDigest(its, path);
  else addTo(blobs, its, path);
}

function outputDirectory(reader: BinaryReader, { blobs, trees }: Named): void {
  const its = noDigest();
  let path = '';
  nested(reader, (tag) => {
    if (tag === bytesOf(1)) path = reader.string(true);
    else if (tag === bytesOf(3)) readDigest(reader, its);
    else return false;
    return true;
  });
  // Empty: the folder that the action ran in.
  if (path !== '') checkPath(path);
  addTo(blobs, its, path);
  if (its.size > 0) trees.add(its.hash, its.size);
}

function link(reader: BinaryReader): void {
  let [path, target] = ['', ''];
  nested(reader, (tag) => {
    if (tag === bytesOf(1)) path = reader.string(true);
    else if (tag === bytesOf(2)) target = reader.string(true);
    else return false;
    return true;
  });
  checkPath(path);
  if (target === '') throw new MessageError(`The link ${shown(path)} has no target.`);
}

/** The files in all its directories. */
function treeFiles(bytes: Uint8Array): DigestList {
  const files = new DigestList();
  whole('tree', bytes, (tag, reader) => {
    if (tag !== bytesOf(1) && tag !== bytesOf(2)) return false;
    nested(reader, (inner) => inner === bytesOf(1) && fileNode(reader, files));
    return true;
  });
  return files;
}

function fileNode(reader: BinaryReader, files: DigestList): true {
  const its = noDigest();
  nested(reader, (tag) => tag === bytesOf(2) && readDigest(reader, its));
  addTo(files, its, 'a file of a tree');
  if (files.length > mostNamed.tree) throw new MessageError(`A tree has up to ${mostNamed.tree} files.`);
  return true;
}

function noDigest(): Digest {
  return { hash: '', size: 0 };
}

/** Where one comes twice, what the later one says counts. */
function readDigest(reader: BinaryReader, into: Digest): true {
  nested(reader, (tag) => {
    if (tag === bytesOf(1)) into.hash = reader.string();
    else if (tag === numberOf(2)) into.size = Number(reader.int64());
    else return false;
    return true;
  });
  return true;
}

function addTo(list: DigestList, its: Digest, of: string): void {
  checkDigest(its, of);
  list.add(its.hash, its.size);
}

function checkDigest({ hash, size }: Digest, of: string): void {
  if (!/^[0-9a-f]{64}$/.test(hash))
    throw new MessageError(`The digest of ${shown(of)} is not 64 lower-case hex digits.`);
  if (size < 0 || !Number.isSafeInteger(size))
    throw new MessageError(`The size of ${shown(of)} is ${size}, which none can be.`);
}

function checkPath(path: string): void {
  if (path === '') throw new MessageError('A path is empty.');
  if (path.startsWith('/')) throw new MessageError(`The path ${shown(path)} is not relative.`);
}

/** Characters of a path that an error repeats. */
const shownCharacters = 100;

function shown(path: string): string {
  return JSON.stringify(path.slice(0, shownCharacters));
}

const none: Record<MessageKind, string> = {
  result: "The body is no ActionResult of Bazel's Remote Execution API.",
  tree: "A tree that the result names is no Tree of Bazel's Remote Execution API.",
};

function whole(kind: MessageKind, bytes: Uint8Array, read: Read): void {
  const reader = new BinaryReader(bytes);
  try {
    fields(reader, bytes.length, read);
  } catch (error) {
    // What the reader says is of wire types and positions, which help nobody who sees a build.
    throw error instanceof MessageError ? error : new MessageError(none[kind]);
  }
}

/** A message within a message: the reader is at its length. */
function nested(reader: BinaryReader, read: Read): void {
  const length = reader.uint32();
  fields(reader, reader.pos + length, read);
}

function fields(reader: BinaryReader, end: number, read: Read): void {
  if (end > reader.len) throw new MessageError('A message is longer than what it is in.');
  while (reader.pos < end) {
    const [field, type] = reader.tag();
    if (!read((field << 3) | type, reader)) reader.skip(type, field);
  }
  if (reader.pos !== end) throw new MessageError('A field is longer than the message that it is in.');
}
