// Bearer tokens. Only the SHA-256 of a token is kept, in a file that nobody else may read; the token itself
// is shown once, when it is made.

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
  expires: z.string().optional(),
  /** What it is for, in its owner's words. */
  label: z.string().min(1).max(200).optional(),
});
const fileSchema = z.strictObject({ tokens: z.array(entrySchema) });

export type TokenEntry = z.infer<typeof entrySchema>;

/** Milliseconds between two looks at whether the file has changed. */
const recheckAfter = 1000;
/** Milliseconds to wait for another process that changes the file: a change takes a few. */
const lockPatience = 10_000;
const lockRetry = 20;

export interface NewToken {
  scopes: Scope[];
  expires?: Date | undefined;
  label?: string | undefined;
}

/** The tokens of a file; changes of the file are seen within a second. */
export class Tokens {
  readonly #path: string;
  readonly #onFault: (reason: string) => void;
  #fault: string | undefined;
  #entries: TokenEntry[] = [];
  /** The entries by their hash. */
  #byHash = new Map<string, TokenEntry>();
  #checked = Number.NEGATIVE_INFINITY;
  /** Inode and time of the file that was read: two files written at once can have the same time. */
  #seen = '';

  /**
   * Throws when the file is open to others or cannot be understood. A file that is not there holds no tokens.
   * @param onFault hears why the file cannot be read any more, once for each reason; what was known stays.
   */
  constructor(path: string, onFault: (reason: string) => void = () => {}) {
    this.#path = path;
    this.#onFault = onFault;
    this.#refresh();
  }

  /** In the form of the engine's totals: whether the file as it is now cannot be used. */
  counters(): { tokens_file_broken: number } {
    this.#look();
    return { tokens_file_broken: Number(this.#fault !== undefined) };
  }

  list(): readonly TokenEntry[] {
    return this.#entries;
  }

  /**
   * The entry of a token that is known and has not expired. Takes the same time however many there are. What
   * that time could tell is of the hash, and nobody can choose a token by its hash.
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

  /** False when there is no token of this id. */
  async revoke(id: string): Promise<boolean> {
    let found = false;
    await this.#change((entries) => {
      const kept = entries.filter((entry) => entry.id !== id);
      found = kept.length < entries.length;
      return found ? kept : undefined;
    });
    return found;
  }

  // Reads, changes and writes the file under a lock: two processes at once would undo each other's changes.
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

  // A file that became unreadable while the server runs locks nobody in or out: what was known stays.
  #look(): void {
    if (performance.now() - this.#checked <= recheckAfter) return;
    try {
      this.#refresh();
      this.#fault = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#fault) this.#onFault(message);
      this.#fault = message;
    }
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

/** Held until it is released, or the process ends (flock(2)). Rejects when another process keeps it. */
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
