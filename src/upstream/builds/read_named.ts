// What a large file names, read in the thread for documents: a folder may have a hundred thousand files.

import { readFile } from 'node:fs/promises';
import type { PackedList } from './digest_list.ts';
import { MessageError, type MessageKind, readMessage } from './messages.ts';

/** `fault`: why it is no such message. */
type Outcome = { blobs: PackedList; trees: PackedList; fault?: undefined } | { fault: string };

export async function readNamed({ path, kind }: { path: string; kind: MessageKind }): Promise<Outcome> {
  const bytes = await readFile(path);
  try {
    const { blobs, trees } = readMessage(kind, bytes);
    return { blobs: blobs.packed(), trees: trees.packed() };
  } catch (error) {
    // No class of errors of ours reaches the other thread.
    if (error instanceof MessageError) return { fault: error.message };
    throw error;
  }
}
