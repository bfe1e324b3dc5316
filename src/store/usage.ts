// Usage: of how many versions of names a bucket keeps the bytes, and how many bytes these have. The counters
// change in the commit that changes what they count. docs/store-format.md says where they stand.

import { nameHoldKey, type VersionOfName } from './holds.ts';
import type { RefRecord } from './listing.ts';
import { type Key, recordName, type StoreRecord, type Table } from './records.ts';

/** What is counted of a bucket. */
export interface Usage {
  /** Versions of names whose bytes are kept. */
  objects: number;
  /** The sizes of these versions: bytes that several of them have count for each. */
  bytes: number;
}

export const noUsage: Usage = { objects: 0, bytes: 0 };

/** The metadata's records, as far as counting needs them. */
export interface CountedRecords {
  get<V>(table: Table, key: Key): V | undefined;
  has(table: Table, key: Key): boolean;
}

/** Keys of the table `state`. */
export const countedKey = 'counted';
const usagePrefix = 'usage/';
/** In key order, all that begin with the prefix. */
export const usageKeys = { start: usagePrefix, end: 'usage0' };
export const usageKey = (bucket: string) => usagePrefix + bucket;
export const bucketOf = (key: string) => key.slice(usagePrefix.length);

/** What a version counts for. One that is a deletion, or that holds its blob no more, counts for nothing. */
export function usageOf({ get, has }: CountedRecords, at: VersionOfName): Usage {
  const ref = get<RefRecord>('refs', [at.bucket, at.name, at.version]);
  if (ref === undefined || !('digest' in ref) || !has('holds', nameHoldKey(ref.digest, at))) return noUsage;
  return { objects: 1, bytes: ref.size };
}

/** The versions of names that these records are about. */
function versionsIn(records: readonly StoreRecord[]): Map<string, VersionOfName> {
  const found = new Map<string, VersionOfName>();
  for (const { table, key } of records) {
    const isHold = table === 'holds' && key[1] === 'name';
    if (table !== 'refs' && !isHold) continue;
    const chain = (isHold ? key.slice(2) : key) as [string, string, number];
    const [bucket, name, version] = chain;
    found.set(JSON.stringify(chain), { bucket, name, version });
  }
  return found;
}

/** Buckets whose usage these records may change. */
export function bucketsIn(records: readonly StoreRecord[]): Set<string> {
  return new Set([...versionsIn(records).values()].map(({ bucket }) => bucket));
}

/** By bucket, what these changes, made together, add to its usage or take from it. */
export function changeOfUsage(
  before: CountedRecords,
  records: readonly StoreRecord[],
): ReadonlyMap<string, Usage> {
  const versions = versionsIn(records);
  const changes = new Map<string, Usage>();
  if (versions.size === 0) return changes;
  const values = new Map(records.map((record) => [recordName(record), record.value]));
  const changedTo = (table: Table, key: Key): { value: unknown } | undefined => {
    const name = recordName({ table, key });
    return values.has(name) ? { value: values.get(name) } : undefined;
  };
  const after: CountedRecords = {
    get: <V>(table: Table, key: Key) => {
      const changed = changedTo(table, key);
      return changed ? (changed.value as V | undefined) : before.get<V>(table, key);
    },
    has: (table, key) => {
      const changed = changedTo(table, key);
      return changed ? changed.value !== undefined : before.has(table, key);
    },
  };
  for (const at of versions.values()) {
    const [old, now] = [usageOf(before, at), usageOf(after, at)];
    const change = { objects: now.objects - old.objects, bytes: now.bytes - old.bytes };
    if (change.objects !== 0 || change.bytes !== 0)
      changes.set(at.bucket, sumOf(changes.get(at.bucket) ?? noUsage, change));
  }
  return changes;
}

export function sumOf(one: Usage, other: Usage): Usage {
  return { objects: one.objects + other.objects, bytes: one.bytes + other.bytes };
}

/** What a commit has to write of the counters beside its records. */
export interface Counting {
  entries: [key: string, value: unknown][];
  /** Call it once the commit is made, and not when it failed. */
  taken(): void;
}

/** The counters of the process that writes. */
export class UsageCounters {
  readonly #records: CountedRecords;
  readonly #used = new Map<string, Usage>();
  /** Buckets whose counters on disk are not what they are here. */
  readonly #unsaved = new Set<string>();
  #isKnown = false;

  constructor(records: CountedRecords) {
    this.#records = records;
  }

  /** Whether they are those of the records there are. Commits leave them alone until they were counted. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  of(bucket: string): Usage {
    return this.#used.get(bucket) ?? noUsage;
  }

  /** As they were found on disk. */
  load(used: Iterable<[bucket: string, usage: Usage]>): void {
    this.#used.clear();
    this.#unsaved.clear();
    for (const [bucket, usage] of used) this.#used.set(bucket, usage);
    this.#isKnown = true;
  }

  /** As they were counted anew: the next commit has all of them. */
  replace(used: ReadonlyMap<string, Usage>): void {
    this.load(used);
    for (const bucket of used.keys()) this.#unsaved.add(bucket);
  }

  /** @param sequence the number of the commit that these changes are. */
  commit(records: readonly StoreRecord[], sequence: number): Counting {
    if (!this.#isKnown) return { entries: [], taken: () => {} };
    const changes = changeOfUsage(this.#records, records);
    const used = new Map([...this.#unsaved].map((bucket) => [bucket, this.of(bucket)]));
    for (const [bucket, change] of changes) used.set(bucket, sumOf(this.of(bucket), change));
    const entries = [...used].map(([bucket, usage]): [string, unknown] => [usageKey(bucket), usage]);
    return {
      entries: [...entries, [countedKey, sequence]],
      taken: () => {
        for (const [bucket, usage] of used) this.#used.set(bucket, usage);
        this.#unsaved.clear();
      },
    };
  }
}
