// SigningKeys: the keys by which URLs of sites are signed, as their files hold them. They are followed: a new
// one counts, and one whose file has gone does not any more. JavaScript has handles; the bytes are the
// engine's.

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Config, ConfigError } from '../config/config.ts';
import { addon, type SigningKey } from '../native/addon.ts';
import { whyUnreadable } from '../regular_file.ts';
import { noCredentials, othersMayRead, secretPathOf } from './secret_path.ts';

export interface NamedKey {
  /** The path in the configuration, by which sites name it. */
  name: string;
  key: SigningKey;
}

interface File {
  /** Changes with the file; empty: it was not there. */
  seen: string;
  key?: SigningKey;
  fault?: string;
}

export class SigningKeys {
  readonly #onChange: (name: string, fault: string | undefined) => void;
  #files = new Map<string, File>();
  #current: readonly NamedKey[] = [];

  /**
   * Throws ConfigError with what is wrong with each file.
   * @param onChange called when a file can no longer be used, with the reason, and when it can again.
   */
  constructor(
    sites: Config['sites'],
    onChange: (name: string, fault: string | undefined) => void = () => {},
  ) {
    this.#onChange = onChange;
    this.follow(sites);
  }

  /** Follows the keys of these sites and no others. Throws ConfigError, and follows those before. */
  follow(sites: Config['sites']): void {
    const faults: string[] = [];
    const files = new Map<string, File>();
    for (const { host, path, signed } of sites ?? [])
      for (const [index, name] of (signed?.keys ?? []).entries()) {
        const file = this.#files.has(name) ? this.#look(name) : look(name);
        // One that is known and broken has its key of before, or none, and the log says so.
        if (file.fault !== undefined && !this.#files.has(name))
          faults.push(`site ${host}${path}: signed.keys.${index}: ${file.fault}`);
        files.set(name, file);
      }
    if (faults.length > 0) throw new ConfigError(faults.join('\n'));
    this.#files = files;
    this.#collect();
  }

  /** Whether any site has signed URLs. */
  get areFollowed(): boolean {
    return this.#files.size > 0;
  }

  /** The keys that count, by a look at the files just now: the same array while they have not changed. */
  current(): readonly NamedKey[] {
    const before = [...this.#files].map(([, { key }]) => key);
    for (const name of this.#files.keys()) this.#look(name);
    if ([...this.#files].some(([, { key }], at) => key !== before[at])) this.#collect();
    return this.#current;
  }

  /** Throws what is wrong with a file that has no key. */
  get(name: string): SigningKey {
    const { key, fault } = this.#look(name);
    if (key && fault === undefined) return key;
    throw new ConfigError(fault);
  }

  counters(): { signing_keys_broken: number } {
    return { signing_keys_broken: [...this.#files.values()].filter(({ fault }) => fault).length };
  }

  #collect(): void {
    this.#current = [...this.#files].flatMap(([name, { key }]) => (key ? [{ name, key }] : []));
  }

  // A file that cannot be used leaves the key that it had before, so that nobody is locked out by a slip. One
  // that has gone was removed so that its signatures end.
  #look(name: string): File {
    const before = this.#files.get(name);
    const file = look(name, before);
    if (before === undefined || file === before) return file;
    if (file.seen !== '' && file.fault !== undefined && before.key) file.key = before.key;
    this.#files.set(name, file);
    if (before.fault !== file.fault) this.#onChange(name, file.fault);
    return file;
  }
}

/** The same object while the file has not changed. */
function look(name: string, before?: File): File {
  const path = secretPathOf(name);
  const found = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  const seen = found ? `${found.ino} ${found.mtimeMs} ${found.ctimeMs} ${found.mode}` : '';
  return seen === before?.seen ? before : { seen, ...read(name, path, found?.mode) };
}

function read(
  name: string,
  path: string | undefined,
  mode: number | undefined,
): { key?: SigningKey; fault?: string } {
  if (path === undefined) return { fault: noCredentials(name) };
  const make = `make one with: (umask 077; openssl rand -hex 32 > ${path})`;
  if (mode === undefined) return { fault: `${path} cannot be read (ENOENT); ${make}` };
  if (othersMayRead(name, mode))
    return {
      fault:
        `${path}: others may read it (mode ${(mode & 0o777).toString(8)}), and whoever has it can sign; ` +
        `run chmod 600 ${basename(path)}, or ${make}`,
    };
  try {
    const key = addon.readSigningKey(path);
    if (key) return { key };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EFBIG')
      return { fault: `${path} cannot be read (${whyUnreadable(cause)}); ${make}` };
  }
  return { fault: `${path}: expected one line of 32 to 1024 printable characters; ${make}` };
}
