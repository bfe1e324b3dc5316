// Rebuild: the metadata of a store made anew, from the journal and from the blobs that it does not know.

import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { Blobs, blobsFolder } from './blobs.ts';
import { missingVersions } from './gaps.ts';
import { newIdentity } from './identity.ts';
import { readJournal } from './journal.ts';
import { aside, checkFormat, lockStore, makeFolders } from './layout.ts';
import { journalPath, Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import { digestsBelow } from './verification.ts';

export interface Rebuilt {
  /** Taken from the journal. */
  records: number;
  /** Lines of the journal that were not whole. */
  damagedLines: number;
  /** Blobs that the journal does not know, hashed and recorded. */
  hashed: number;
  /** Files whose content has another digest than their name: put in quarantine. */
  withdrawn: number;
  /** Where the metadata and the journal of before are kept. */
  kept: string;
}

/**
 * Rejects, and leaves the store as it was, while a process writes to it. What the journal says of a blob is
 * believed as far as the metadata were: its file is proved when it is read for the first time.
 */
export async function rebuildStore(
  root: string,
  onProgress: (done: Omit<Rebuilt, 'kept'>) => void = () => {},
): Promise<Rebuilt> {
  await access(blobsFolder(root));
  const lock = await lockStore(root);
  try {
    await makeFolders(root);
    await checkFormat(root, true);
    await checkNames(root);
    await setAside(root);
    const kept = aside(root);
    const meta = await Metadata.writer(root, { id: await newIdentity(root), onNotice: () => {} });
    const done = { records: 0, damagedLines: 0, hashed: 0, withdrawn: 0 };
    try {
      await fromJournal(meta, join(kept, 'journal'), done, () => onProgress(done));
      await fromBlobs(meta, root, done, () => onProgress(done));
    } finally {
      await meta.close();
    }
    const before = join(root, 'meta', `before-${new Date().toISOString().replaceAll(':', '')}`);
    await rename(kept, before);
    await syncFolder(join(root, 'meta'));
    return { ...done, kept: before };
  } finally {
    lock.release();
  }
}

/** Rejects where names would be lost that can still be read. */
async function checkNames(root: string): Promise<void> {
  if (await isThere(journalPath(root))) return;
  const meta = await Metadata.reader(root).catch(() => undefined);
  const hasNames = meta?.records().next().done === false;
  await meta?.close();
  if (hasNames && !(await isThere(aside(root))))
    throw new Error(
      `${root}: the metadata are sound, and there is no journal; open the store once, which writes it`,
    );
}

/**
 * Moves what there is of metadata and journal out of the way. What a rebuild that did not end has left is
 * removed: what it began with is still there.
 */
async function setAside(root: string): Promise<void> {
  const kept = aside(root);
  await mkdir(kept, { mode: 0o700, recursive: true });
  for (const path of ['meta/data.mdb', 'meta/lock.mdb', 'journal']) {
    const [from, to] = [join(root, path), join(kept, basename(path))];
    if (await isThere(to)) await rm(from, { force: true });
    else if (await isThere(from)) await rename(from, to);
  }
  await syncFolder(kept);
  await syncFolder(join(root, 'meta'));
  await syncFolder(root);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

type Done = Omit<Rebuilt, 'kept'>;

async function fromJournal(meta: Metadata, path: string, done: Done, said: () => void): Promise<void> {
  if (!(await isThere(path))) return;
  for await (const { records } of readJournal(path, () => done.damagedLines++)) {
    await Promise.all(records.map(({ table, key, value }) => meta.putOnce(table, key, value)));
    done.records += records.length;
    said();
  }
  if (done.damagedLines === 0) return;
  for (const { table, key, value } of [...missingVersions(meta.records())])
    await meta.putOnce(table, key, value);
}

async function fromBlobs(meta: Metadata, root: string, done: Done, said: () => void): Promise<void> {
  const blobs = new Blobs(root);
  await blobs.prepare();
  for await (const digest of digestsBelow(blobsFolder(root))) {
    if (meta.newest<BlobRecord>('blobs', [digest])) continue;
    const found = await blobs.hash(digest);
    if (found.digest === digest) {
      const record: BlobRecord = { size: found.size, evidence: found.evidence, created: Date.now() };
      await meta.append<BlobRecord>('blobs', [digest], () => record);
      done.hashed++;
    } else {
      await blobs.quarantine(digest);
      done.withdrawn++;
    }
    said();
  }
}
