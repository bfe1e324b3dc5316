// Uses: when objects of mirrors were last used, in the order in which they are evicted. They are kept in
// `state`, some at a time and now and then: what a kill loses of them is the last minute.

import { setNewest } from '../newest_map.ts';
import type { Metadata } from './metadata.ts';
import type { StateChange } from './state.ts';

/** Times are milliseconds since the epoch. */
export interface Use {
  at: number;
  /** Until when what was written at `of` is sent without asking; absent: that is not known. */
  fresh?: number;
  of?: number;
  /** How often; absent: that is not counted. */
  count?: number;
}

interface Pending {
  bucket: string;
  name: string;
  /** Undefined: it is gone. */
  use: Use | undefined;
}

/** Names in one transaction. Each is up to three changes, and the disk has to have room for all of them. */
const namesATime = 64;
/** Names that wait before they are written, and for how long in milliseconds. */
const mostWaiting = 1000;
const longestWait = 60_000;
/** Names that wait while the disk takes nothing; beyond them the oldest is not noted. */
const mostHeld = 10_000;

const useKey = (bucket: string, name: string) => `uses/${bucket}/${name}`;
const orderPrefix = (bucket: string) => `usesByTime/${bucket}/`;
/** Digits of a time, so that keys sort by it. */
const digits = 16;
const orderKey = (bucket: string, name: string, { at }: Use) =>
  `${orderPrefix(bucket)}${String(Math.max(0, Math.floor(at))).padStart(digits, '0')}/${name}`;

export class Uses {
  readonly #meta: Pick<Metadata, 'state' | 'keep'>;
  readonly #pending = new Map<string, Pending>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(meta: Pick<Metadata, 'state' | 'keep'>) {
    this.#meta = meta;
  }

  /** Undefined: it was never noted. */
  of(bucket: string, name: string): Use | undefined {
    const key = useKey(bucket, name);
    const pending = this.#pending.get(key);
    return pending ? pending.use : this.#meta.state.get<Use>(key);
  }

  /** @param use undefined: the name is gone. */
  note(bucket: string, name: string, use: Use | undefined): void {
    const key = useKey(bucket, name);
    setNewest(this.#pending, key, { bucket, name, use }, mostHeld);
    if (this.#pending.size >= mostWaiting) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), longestWait).unref();
  }

  /** Resolves when what was noted is on the disk, or the disk does not take it at present. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#pending.size > 0) {
      const some = [...this.#pending].slice(0, namesATime);
      const changes = some.flatMap(([key, pending]) => this.#changes(key, pending));
      if (changes.length > 0 && !(await this.#meta.keep(changes))) return;
      for (const [key, pending] of some) if (this.#pending.get(key) === pending) this.#pending.delete(key);
    }
  }

  #changes(key: string, { bucket, name, use }: Pending): StateChange[] {
    const before = this.#meta.state.get<Use>(key);
    const [old, now] = [before && orderKey(bucket, name, before), use && orderKey(bucket, name, use)];
    return [
      ...(old !== undefined && old !== now ? [[old, undefined] as StateChange] : []),
      ...(now !== undefined && old !== now ? [[now, 1] as StateChange] : []),
      ...(before !== undefined || use !== undefined ? [[key, use] as StateChange] : []),
    ];
  }

  /** The names of a bucket, those first that were not used for longest, as far as that is on the disk. */
  *oldest(bucket: string): Generator<{ name: string; at: number }> {
    const prefix = orderPrefix(bucket);
    for (const { key } of this.#meta.state.range(under(prefix))) {
      const at = Number(key.slice(prefix.length, prefix.length + digits));
      yield { name: key.slice(prefix.length + digits + 1), at };
    }
  }
}

/** All keys that begin with a prefix that ends with a slash: `0` is the character behind it. */
function under(prefix: string): { start: string; end: string } {
  return { start: prefix, end: `${prefix.slice(0, -1)}0` };
}
