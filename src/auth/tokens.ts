// Bearer tokens. The token file holds only their SHA-256, and only its owner may read it. A token itself is
// shown once, when it is made.

import { createHash, randomBytes } from 'node:crypto';
import { constants, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { replaceFile } from '../durable_file.ts';
import { addon, type StoreLock } from '../native/addon.ts';
import { readNamedSync } from '../regular_file.ts';
import { type Scope, scopeSchema } from '../scopes.ts';

const entrySchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]{8}$/),
  /** SHA-256 of the token, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(scopeSchema).min(1),
  /** ISO 8601. */
  created: z.string(),
  /** ISO 8601. One that cannot be read would be no limit. */
  expires: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)))
    .optional(),
  /** The token's purpose, in the operator's words. */
  label: z.string().min(1).max(200).optional(),
});
const fileSchema = z.strictObject({ tokens: z.array(entrySchema) });

export type TokenEntry = z.infer<typeof entrySchema>;

/** Milliseconds for which what the file said is taken for true. */
export const tokensGoodFor = 1000;
/** Milliseconds to wait while another process changes the file, which takes it a few. */
const lockPatience = 10_000;
const lockRetry = 20;

export interface NewToken {
  scopes: Scope[];
  expires?: Date | undefined;
  label?: string | undefined;
}

/** The tokens of a file. Changes to the file take effect within a second. */
export class Tokens {
  readonly #path: string;
  readonly #onChange: (fault: string | undefined) => void;
  #fault: string | undefined;
  #entries: TokenEntry[] = [];
  /** The entries by the SHA-256 of their token. */
  #byHash = new Map<string, TokenEntry>();
  #checked = Number.NEGATIVE_INFINITY;
  /**
   * Inode and mtime of the file as last read. Both, since two files written at once can have the same
   * mtime.
   */
  #seen = '';

  /**
   * Throws when others may read the file, or when it is malformed. A missing file holds no tokens.
   * @param onChange called once for each reason why the file can no longer be read; the tokens read before
   * stay valid. Called with undefined when it is in force again.
   */
  constructor(path: string, onChange: (fault: string | undefined) => void = () => {}) {
    this.#path = path;
    this.#onChange = onChange;
    this.#refresh();
  }

  /** Engine-style counters: whether the file cannot be used in its current state. */
  counters(): { tokens_file_broken: number } {
    this.#look();
    return { tokens_file_broken: Number(this.#fault !== undefined) };
  }

  list(): readonly TokenEntry[] {
    return this.#entries;
  }

  /**
   * The entry of a valid token that has not expired. A look-up by hash takes the same time for any number
   * of tokens. Its timing can reveal only bits of hashes, which do not help to find a token.
   */
  verify(presented: string): TokenEntry | undefined {
    this.#look();
    const found = this.#byHash.get(digest(presented));
    return found?.expires !== undefined && Date.parse(found.expires) <= Date.now() ? undefined : found;
  }

  /** Makes a token and returns it; it cannot be shown again. */
  async add({ scopes, expires, label }: NewToken): Promise<{ token: string; id: string }> {
    const token = `sgt_${randomBytes(32).toString('base64url')}`;
    const entry = entrySchema.parse({
      id: randomBytes(4).toString('hex'),
      hash: digest(token),
      scopes,
      created: new Date().toISOString(),
      ...(expires && { expires: expires.toISOString() }),
      ...(label !== undefined && { label }),
    });
    await this.#change((entries) => [...entries, entry]);
    return { token, id: entry.id };
  }

  /** Removes the token. False when no token has this id. */
  async revoke(id: string): Promise<boolean> {
    let found = false;
    await this.#change((entries) => {
      const kept = entries.filter((entry) => entry.id !== id);
      found = kept.length < entries.length;
      return found ? kept : undefined;
    });
    return found;
  }

  // The file lock keeps two processes from overwriting each other's changes.
  async #change(next: (entries: TokenEntry[]) => TokenEntry[] | undefined): Promise<void> {
    const lock = await lockBeside(this.#path);
    try {
      this.#seen = '';
      this.#refresh();
      const changed = next(this.#entries);
      if (changed) await this.#write(changed);
    } finally {
      lock.release();
    }
  }

  // While the file cannot be read, the tokens read before stay valid, so that nobody is locked out or let
  // in.
  #look(): void {
    if (performance.now() - this.#checked > tokensGoodFor) this.current();
  }

  /** The entries, by a look at the file just now: the same array while they have not changed. */
  current(): readonly TokenEntry[] {
    let fault: string | undefined;
    try {
      this.#refresh();
    } catch (error) {
      fault = (error as Error).message;
    }
    if (fault !== this.#fault) {
      this.#fault = fault;
      this.#onChange(fault);
    }
    return this.#entries;
  }

  #refresh(): void {
    this.#checked = performance.now();
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    if (!stat) {
      this.#take([], '');
      return;
    }
    const seen = `${stat.ino} ${stat.mtimeMs}`;
    if (seen === this.#seen) return;
    if ((stat.mode & 0o077) !== 0) {
      throw new Error(
        `${this.#path}: others may read it (mode ${(stat.mode & 0o777).toString(8)}); run chmod 600 on it`,
      );
    }
    this.#take(parse(readNamedSync(this.#path), this.#path), seen);
  }

  #take(entries: TokenEntry[], seen: string): void {
    this.#entries = entries;
    this.#byHash = new Map(entries.map((entry) => [entry.hash, entry]));
    this.#seen = seen;
  }

  async #write(entries: TokenEntry[]): Promise<void> {
    await replaceFile(this.#path, `${JSON.stringify({ tokens: entries }, null, 2)}\n`);
    this.#refresh();
  }
}

/**
 * Takes an flock(2), which lasts until it is released or the process ends. Rejects after 10 seconds of
 * waiting.
 */
async function lockBeside(path: string): Promise<StoreLock> {
  const lockFile = join(dirname(path), `.${basename(path)}.lock`);
  // The owner's alone: whoever may open it may hold it.
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  // A FIFO in its place is not waited for.
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK;
  await open(lockFile, flags, 0o600).then((file) => file.close());
  const deadline = performance.now() + lockPatience;
  for (;;) {
    const lock = addon.lockStore(lockFile);
    if (lock) return lock;
    if (performance.now() > deadline) {
      const pid = readFileSync(lockFile, 'utf8').trim();
      throw new Error(`${path}: process ${pid} has been changing it for ${lockPatience / 1000} s; try again`);
    }
    await sleep(lockRetry);
  }
}

function parse(text: string, path: string): TokenEntry[] {
  try {
    return fileSchema.parse(JSON.parse(text)).tokens;
  } catch (cause) {
    throw new Error(`${path}: is not a token file; restore it, or remove it and make new tokens`, { cause });
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
