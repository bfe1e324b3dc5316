// A real store in a temporary folder, and puts as the upload path makes them: staged, committed, named.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon } from '../../src/native/addon.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { OpenOptions } from '../../src/store/open_options.ts';
import type { PutOutcome, Store } from '../../src/store/store.ts';

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-store-'));
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where a blob has to be in the store at `root`. */
export function blobPath(root: string, digest: string): string {
  return join(root, 'blobs/sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
}

export class TestStore {
  readonly dir: string;
  readonly root: string;
  readonly #how: Pick<OpenOptions, 'now'>;
  /** The open store; `reopen` puts another in its place. */
  store: Store;

  private constructor(dir: string, store: Store, how: Pick<OpenOptions, 'now'>) {
    this.dir = dir;
    this.root = store.root;
    this.store = store;
    this.#how = how;
  }

  /** Buckets: `files` (write-once) and `live` (versioned). */
  static async open(how: Pick<OpenOptions, 'now'> = {}): Promise<TestStore> {
    const dir = await temporaryFolder();
    const store = await openStore({ root: join(dir, 'store'), ...how });
    await store.createBucket('files', 'write-once');
    await store.createBucket('live', 'versioned');
    return new TestStore(dir, store, how);
  }

  async reopen(): Promise<void> {
    await this.store.close();
    this.store = await openStore({ root: this.root, ...this.#how });
  }

  put(bucket: string, name: string, bytes: string | Uint8Array): Promise<PutOutcome> {
    return putBytes(this.store, bucket, name, bytes);
  }

  blobPath(digest: string): string {
    return blobPath(this.root, digest);
  }

  staged(): Promise<string[]> {
    return readdir(join(this.root, 'staging'));
  }

  quarantined(): Promise<string[]> {
    return readdir(join(this.root, 'quarantine'));
  }

  async remove(): Promise<void> {
    await this.store.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}

export async function putBytes(
  store: Store,
  bucket: string,
  name: string,
  bytes: string | Uint8Array,
): Promise<PutOutcome> {
  const staging = store.stagingPath();
  const source = `${staging}.source`;
  await writeFile(source, bytes);
  try {
    const hashed = addon.importFile(source, staging);
    return await store.putObject(bucket, name, { staging, ...hashed }, { mediaType: 'text/plain' });
  } finally {
    await rm(source, { force: true });
    await rm(staging, { force: true });
  }
}

/** All names of a bucket, page by page. */
export function allNames(store: Store, bucket: string, { prefix = '', limit = 1000 } = {}): string[] {
  const names: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = store.list(bucket, { prefix, after, limit });
    names.push(...page.entries.map(({ name }) => name));
    after = page.next;
  }
  return names;
}
