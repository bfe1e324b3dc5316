// HookQueue: tells one CDN or cache what changed, in the order of the changes, until it has been told. What
// it has not taken is told again, so it may hear of a change twice, and misses none.

import type { Logger } from 'pino';
import { secretLine } from '../auth/secret_line.ts';
import type { PurgeHook } from '../config/purge.ts';
import type { SiteConfig } from '../config/sites.ts';
import { tagsIn } from '../object_fields.ts';
import type { ChangedNames, Changes, Waiting } from '../store/changed_names.ts';
import { inTurns } from '../turns.ts';
import { changedUrls, publicHosts } from './changed_urls.ts';
import { type Secrets, type Told, told, valuesFor, valuesForAll, type What } from './request.ts';
import type { Sender } from './sender.ts';

/** Changed names that are told of before the queue is moved on. */
const namesAtOnce = 256;
/** Requests under way at a time. */
const atATime = 4;
/** Milliseconds before changes are told, so that others join them. */
const gathering = 50;
/** Requests that may fail one after another before there is a pause. */
const failuresInRow = 4;
/** Characters of a fault that are told. */
const shownCharacters = 240;
/** Milliseconds before the second attempt; the pause doubles for each further one. */
const firstPause = 1000;

export interface HookStatus extends Waiting {
  name: string;
  /** Requests that were taken, and attempts that failed, since the start. */
  sent: number;
  failures: number;
  /** Why the last attempt failed; absent: it did not. */
  fault?: string;
  /** When the next attempt is, milliseconds since the epoch; absent: none is due. */
  retryAt?: number;
}

export interface HookParts {
  changed: ChangedNames;
  sites(): readonly SiteConfig[];
  /**
   * Makes kept plans of these buckets stale, or all. The change is on record, but whoever made it may not
   * have come to that: a cache that is told first would fetch what there was before.
   */
  makeStale(buckets: ReadonlySet<string> | undefined): void;
  sender: Sender;
  log: Logger;
}

export class HookQueue {
  readonly #hook: PurgeHook;
  readonly #parts: HookParts;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #isDue = false;
  #wake: () => void = () => {};
  #sent = 0;
  #failures = 0;
  #fault: string | undefined;
  #retryAt: number | undefined;
  /** Requests for what is being told that were taken, by their text. */
  #taken = new Set<string>();
  #takenFor = -1;

  constructor(hook: PurgeHook, parts: HookParts) {
    this.#hook = hook;
    this.#parts = parts;
  }

  /** There may be something to tell. */
  begin(): void {
    this.#isDue = true;
    if (this.#ending.signal.aborted) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isDue) this.begin();
    });
  }

  /** Tries again now what has failed. */
  retry(): void {
    this.#wake();
    this.begin();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#wake();
    await this.#running;
  }

  status(): HookStatus {
    return {
      name: this.#hook.name,
      ...this.#parts.changed.waiting(this.#hook.name),
      sent: this.#sent,
      failures: this.#failures,
      ...(this.#fault !== undefined && { fault: this.#fault }),
      ...(this.#retryAt !== undefined && { retryAt: this.#retryAt }),
    };
  }

  async #run(): Promise<void> {
    const { changed } = this.#parts;
    let pause = firstPause;
    await this.#sleep(gathering);
    while (!this.#ending.signal.aborted) {
      this.#isDue = false;
      const next = changed.next(this.#hook.name, namesAtOnce);
      if (!next) return;
      const wanted = await this.#tell(next);
      if (wanted === undefined) {
        await changed.done(this.#hook.name, next.upTo);
        this.#recovered();
        pause = firstPause;
        continue;
      }
      if (this.#ending.signal.aborted) return;
      const longest = this.#hook.maxRetrySeconds * 1000;
      const ms = Math.min(Math.max(pause, wanted), longest);
      this.#retryAt = Date.now() + ms;
      await this.#sleep(ms);
      this.#retryAt = undefined;
      pause = Math.min(pause * 2, longest);
    }
  }

  /** Undefined: it was taken; otherwise milliseconds to wait, at least. */
  async #tell(changes: Changes): Promise<number | undefined> {
    let requests: Told[];
    let secrets: Secrets;
    try {
      secrets = this.#secrets();
      requests = this.#requests(changes, secrets);
    } catch (error) {
      this.#failed((error as Error).message, []);
      return 0;
    }
    if (this.#takenFor !== changes.upTo) this.#taken = new Set();
    this.#takenFor = changes.upTo;
    const left = requests
      .map((request) => ({ request, text: JSON.stringify(request) }))
      .filter(({ text }) => !this.#taken.has(text));
    const { makeStale, sender } = this.#parts;
    const buckets = new Set(changes.names.map(({ bucket }) => bucket));
    makeStale(changes.everything !== undefined || buckets.has('') ? undefined : buckets);
    let wanted: number | undefined;
    let inRow = 0;
    const { signal } = this.#ending;
    const attempt = async ({ request, text }: { request: Told; text: string }) => {
      const { fault, after = 0 } = await sender.send(request, this.#hook.timeoutSeconds * 1000, signal);
      if (fault === undefined) {
        inRow = 0;
        this.#sent++;
        this.#taken.add(text);
        return;
      }
      inRow++;
      wanted = Math.max(wanted ?? 0, after);
      if (!signal.aborted) this.#failed(fault, Object.values(secrets));
    };
    await inTurns(left, atATime, attempt, () => inRow >= failuresInRow || signal.aborted);
    return wanted;
  }

  #secrets(): Secrets {
    const { secret, signingKey } = this.#hook;
    return {
      secret: secret === undefined ? '' : secretLine(secret),
      signingKey: signingKey === undefined ? '' : secretLine(signingKey),
    };
  }

  #requests({ names, everything }: Changes, secrets: Secrets): Told[] {
    const sites = this.#parts.sites();
    const { request, everything: all } = this.#hook;
    const forAll = (hosts: readonly string[]) =>
      valuesForAll(this.#hook, hosts).map((values) => told(all, values, secrets));
    if (everything !== undefined) return forAll(publicHosts(sites));
    const urls = new Set<string>();
    const tags = new Set<string>();
    const hosts = new Set<string>();
    for (const name of names) {
      const found = changedUrls(sites, name);
      for (const url of found.urls) urls.add(url);
      for (const host of found.hosts) hosts.add(host);
      if (found.urls.length + found.hosts.length > 0)
        for (const tag of tagsIn(name.tags ?? '')) tags.add(tag);
    }
    const what: What = { urls: [...urls].filter((url) => !hosts.has(new URL(url).host)), tags: [...tags] };
    return [
      ...(hosts.size > 0 ? forAll([...hosts]) : []),
      ...valuesFor(this.#hook, what).map((values) => told(request, values, secrets)),
    ];
  }

  // The receiver may repeat what it was sent.
  #failed(said: string, secrets: readonly string[]): void {
    const fault = withoutSecrets(said, secrets).slice(0, shownCharacters);
    this.#failures++;
    const isNew = this.#fault === undefined;
    this.#fault = fault;
    if (!isNew) return;
    const waiting = this.#parts.changed.waiting(this.#hook.name);
    this.#parts.log.warn(
      { hook: this.#hook.name, fault, waiting },
      'a purge was not taken; it is tried again until it is',
    );
  }

  #recovered(): void {
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#parts.log.info({ hook: this.#hook.name }, 'purges are taken again');
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#ending.signal.aborted) this.#wake();
    });
  }
}

// As they are, and as the JSON of the body has them. In all of the text: a part of one may be told.
function withoutSecrets(said: string, secrets: readonly string[]): string {
  const spellings = secrets
    .filter((each) => each !== '')
    .flatMap((each) => [each, JSON.stringify(each).slice(1, -1)]);
  return spellings.reduce((text, each) => text.replaceAll(each, '***'), said);
}
