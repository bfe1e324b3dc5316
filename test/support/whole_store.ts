// WholeStore: what must hold of every store that was opened after a crash.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nameHoldKey } from '../../src/store/holds.ts';
import type { RefRecord } from '../../src/store/listing.ts';
import { Metadata } from '../../src/store/metadata.ts';
import type { BlobRecord } from '../../src/store/proofs.ts';
import { recordName } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { digestsBelow } from '../../src/store/stray_files.ts';
import { noUsage, type Usage } from '../../src/store/usage.ts';
import { recordsOfJournal } from './long_journal.ts';
import { allNames, blobPath, sha256 } from './store.ts';

/**
 * The files of a store. Names of temporary files are fixed, so that the next writer overwrites what a
 * killed one left.
 */
const ours = /^(blobs|staging|quarantine|meta|lock|format(\.tmp)?|journal(\.new)?|scrub\.json(\.tmp)?)$/;
const oursInBlobs = /^(id|sha256|id\.tmp)$/;

/** Asserts that no file is left over except those that the next writer overwrites. */
export async function checkFolders(root: string): Promise<void> {
  assert.deepEqual(await readdir(join(root, 'staging')), [], 'staging');
  const strange = [
    ...(await readdir(root)).filter((name) => !ours.test(name)),
    ...(await readdir(join(root, 'blobs'))).filter((name) => !oursInBlobs.test(name)),
  ];
  assert.deepEqual(strange, []);
}

/** Asserts that each name has its bytes. @param damaged digests of blobs that were damaged on purpose. */
export async function checkNames(store: Store, damaged: ReadonlySet<string> = new Set()): Promise<void> {
  for (const { name: bucket } of store.buckets()) {
    for (const name of allNames(store, bucket)) {
      const ref = store.resolve(bucket, name);
      assert.ok(ref && !ref.deleted, `${bucket}/${name} is listed`);
      if (damaged.has(ref.digest)) continue;
      const { size } = await store.prove(ref.digest);
      const bytes = await readFile(blobPath(store.root, ref.digest));
      assert.equal(sha256(bytes), ref.digest, `bytes of ${bucket}/${name}`);
      assert.deepEqual([size, ref.size], [bytes.length, bytes.length], `size of ${bucket}/${name}`);
    }
  }
}

/** Digests of the files that no record names. */
export async function orphansOf(store: Store): Promise<string[]> {
  const found: string[] = [];
  for await (const digest of digestsBelow(store.root))
    if (store.known({ only: digest }).length === 0) found.push(digest);
  return found;
}

/** What is wrong between the tables of a store that nobody has open, and between them and the files. */
export async function faultsBetweenRecords(root: string): Promise<string[]> {
  const meta = await Metadata.reader(root);
  try {
    return [
      ...faultsOfNames(meta),
      ...faultsOfHolds(meta),
      ...faultsOfBlobs(meta, root),
      ...faultsOfCounters(meta),
      ...(await faultsOfJournal(meta, root)),
    ];
  } finally {
    await meta.close();
  }
}

function* faultsOfNames(meta: Metadata): Generator<string> {
  let [chain, last] = ['', 0];
  for (const { key, value } of meta.range<RefRecord>('refs')) {
    const [bucket, name, version] = key as [string, string, number];
    const path = `${bucket}/${name}`;
    if (path === chain && version !== last + 1) yield `${path} has version ${version} behind ${last}`;
    [chain, last] = [path, version];
    if ('deleted' in value) continue;
    const isHeld = meta.has('holds', nameHoldKey(value.digest, { bucket, name, version }));
    const newest = meta.newest<RefRecord>('refs', [bucket, name]);
    // What a deleted name of a write-once bucket held stays on record when it is held no more.
    const isBurnt = kindOf(meta, bucket) === 'write-once' && version < (newest?.version ?? 0);
    if (!isHeld && !isBurnt) yield `${path} ${version} holds nothing`;
  }
}

function* faultsOfHolds(meta: Metadata): Generator<string> {
  for (const { key } of meta.range('holds')) {
    const [digest, kind, bucket = '', name = '', version = 0] = key as [
      string,
      string,
      string?,
      string?,
      number?,
    ];
    const said = (key as (string | number)[]).join(' ');
    const blob = meta.newest<BlobRecord>('blobs', [digest])?.value;
    const isThere = blob && !('collected' in blob);
    if (kind !== 'name') {
      if (!isThere) yield `${said} holds what is not there`;
      continue;
    }
    const ref = meta.get<RefRecord>('refs', [bucket, name, version]);
    if (!ref || !('digest' in ref) || ref.digest !== digest) yield `${said} stands for no version`;
    // An upgrade makes an entry for what a deleted name of a write-once bucket held; collection removes it.
    const isNewest = meta.newest<RefRecord>('refs', [bucket, name])?.version === version;
    const isBurnt = !isNewest && kindOf(meta, bucket) === 'write-once';
    if (!isThere && !isBurnt) yield `${said} holds what is not there`;
  }
}

/** By bucket, what its names keep, found from what keeps the blobs. */
function usageByHolds(meta: Metadata): Map<string, Usage> {
  const found = new Map([...meta.range('buckets')].map(({ key }) => [key as string, noUsage]));
  for (const { key } of meta.range('holds')) {
    const [, kind, bucket = '', name = '', version = 0] = key as [string, string, string, string, number];
    const ref = kind === 'name' && meta.get<RefRecord>('refs', [bucket, name, version]);
    if (!ref || !('size' in ref)) continue;
    const { objects, bytes } = found.get(bucket) ?? noUsage;
    found.set(bucket, { objects: objects + 1, bytes: bytes + ref.size });
  }
  return found;
}

function* faultsOfCounters(meta: Metadata): Generator<string> {
  for (const [bucket, kept] of usageByHolds(meta)) {
    const counted = meta.usageOf(bucket);
    if (counted?.objects !== kept.objects || counted.bytes !== kept.bytes)
      yield `${bucket} is counted as ${JSON.stringify(counted)} and keeps ${JSON.stringify(kept)}`;
  }
}

/** Records that one of the metadata and the journal has alone. */
async function faultsOfJournal(meta: Metadata, root: string): Promise<string[]> {
  const inMetadata = new Set([...meta.records()].map(recordName));
  const inJournal = new Set((await recordsOfJournal(root)).map(recordName));
  return [
    ...[...inMetadata].filter((name) => !inJournal.has(name)).map((name) => `${name} is not in the journal`),
    ...[...inJournal].filter((name) => !inMetadata.has(name)).map((name) => `the journal alone has ${name}`),
  ];
}

function kindOf(meta: Metadata, bucket: string): string | undefined {
  return meta.get<{ kind: string }>('buckets', bucket)?.kind;
}

function* faultsOfBlobs(meta: Metadata, root: string): Generator<string> {
  for (const { key } of meta.range('blobs')) {
    const digest = key[0] as string;
    const record = meta.newest<BlobRecord>('blobs', [digest])?.value;
    if (!record || !('size' in record)) continue;
    const path = blobPath(root, digest);
    if (!existsSync(path)) yield `${digest} is on record and not there`;
    else if (statSync(path).size !== record.size) yield `${digest} has not the size on record`;
  }
}
