// Rebuild: the metadata of a store made anew, from the journal and from the blobs that it does not know.

import { access, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../durable_file.ts';
import { Blobs, blobsFolder } from './blobs.ts';
import { journalPath } from './data_file.ts';
import { StoreFormat } from './format.ts';
import { missingVersions } from './gaps.ts';
import { namelessHold } from './holds.ts';
import { newIdentity } from './identity.ts';
import { readJournal } from './journal.ts';
import { aside, lockStore, makeFolders } from './layout.ts';
import { Metadata } from './metadata.ts';
import type { BlobRecord } from './proofs.ts';
import { Replay } from './replay.ts';
import { digestsBelow } from './stray_files.ts';
import { upgradeStore } from './upgrade.ts';

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
    const format = await StoreFormat.read(root, true);
    await checkNames(root);
    // A line of the journal that is lost may have had what keeps a blob: that is made anew.
    await format.doubt();
    await setAside(root);
    const kept = aside(root);
    const meta = await Metadata.writer(root, { id: await newIdentity(root), onNotice: () => {}, format });
    const done = { records: 0, damagedLines: 0, hashed: 0, withdrawn: 0 };
    try {
      await fromJournal(meta, join(kept, 'journal'), done, () => onProgress(done));
      await fromBlobs(meta, root, done, () => onProgress(done));
      await upgradeStore(meta, format, () => {});
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
  const hasNames = meta?.isEmpty() === false;
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
  const replay = new Replay({
    has: (table, key) => meta.has(table, key),
    write: async (changes) => {
      if (!(await meta.make(changes, 'mends')))
        throw new Error(`${path}: what it says could not be made again; keep the file, and report this`);
    },
  });
  for await (const { records } of readJournal(path, () => done.damagedLines++)) {
    await replay.add(records);
    done.records += records.length;
    said();
  }
  await replay.flush();
  if (done.damagedLines === 0) return;
  for (const record of [...missingVersions(meta.records())]) await replay.add([record]);
  await replay.flush();
}

async function fromBlobs(meta: Metadata, root: string, done: Done, said: () => void): Promise<void> {
  const blobs = new Blobs(root);
  await blobs.prepare([]);
  for await (const digest of digestsBelow(root)) {
    if (meta.newest<BlobRecord>('blobs', [digest])) continue;
    // What the kernel holds of it is kept.
    const found = await blobs.hash(digest, 'L1');
    if (found.digest === digest) {
      await blobs.sync(digest);
      const record: BlobRecord = { size: found.size, evidence: found.evidence, created: Date.now() };
      const hold = namelessHold(digest, 'found', record.created);
      await meta.make([{ table: 'blobs', key: [digest, 1], value: record }, hold]);
      done.hashed++;
    } else {
      await blobs.quarantine(digest);
      done.withdrawn++;
    }
    said();
  }
}
