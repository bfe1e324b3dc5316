// Sentinel: fetches sealed objects from its own server over each path and compares their SHA-256 with the
// digest. Kernels and devices have sent wrong bytes in valid TLS records, which no counter shows. If kernel
// TLS delivers wrong bytes it is rolled back; if another path does, the server reports itself not ready.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { hasCode } from '../errors.ts';
import type { ListenerOptions } from '../native/addon.ts';
import type { Store } from '../store/store.ts';
import type { Fetched } from './fetch_digest.ts';
import type { Rollout } from './rollout.ts';

/** canary: TLS that may move into the kernel; control: TLS in userspace; plain: without TLS. */
export type Way = 'canary' | 'control' | 'plain';

export interface SentinelStatus {
  /** For each path: fetches with the right bytes, fetches that failed, and fetches with wrong bytes. */
  ways: Record<Way, { same: number; failed: number; mismatched: number }>;
  /** Number of blobs whose file on disk had changed; they are in quarantine. */
  damagedBlobs: number;
  /**
   * Set when wrong bytes came over a path that cannot be switched off: the server reports itself not ready.
   */
  alarm?: string;
  /** Paths of the files that hold the wrong bytes, newest last. */
  evidence: string[];
}

export interface SentinelParts {
  listeners: () => ListenerOptions[];
  store: Pick<Store, 'root' | 'buckets' | 'list'>;
  /**
   * Hashes the whole file of a blob. Resolves when its content is right; rejects with `seal-broken` when it
   * was wrong and is in quarantine, and otherwise when it cannot be read.
   */
  prove(digest: string): Promise<void>;
  rollout: Rollout;
  /** The server's own bearer token; empty where reading needs none. */
  token: string;
  /** The path that objects are below, with a slash at its end. */
  objects(): string;
  /** Objects larger than this many bytes are not fetched. */
  maxBytes: number;
  log: Logger;
}

/** How many objects of each bucket are examined to find one that is small enough. */
const candidates = 50;
const keptEvidence = 16;

export class Sentinel {
  readonly #parts: SentinelParts;
  readonly #status: SentinelStatus;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(parts: SentinelParts) {
    this.#parts = parts;
    const none = () => ({ same: 0, failed: 0, mismatched: 0 });
    this.#status = {
      ways: { canary: none(), control: none(), plain: none() },
      damagedBlobs: 0,
      evidence: [],
    };
  }

  status(): SentinelStatus {
    return this.#status;
  }

  /** Looks once soon, and then every `everySeconds` until close(). */
  start(everySeconds: number): void {
    const next = (milliseconds: number) => {
      this.#timer = setTimeout(() => {
        next(everySeconds * 1000);
        void this.look();
      }, milliseconds);
      this.#timer.unref();
    };
    // The first look waits a second, so that a server that has just begun answers clients first.
    next(Math.min(everySeconds, 1) * 1000);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Fetches one object over each path. Never rejects. */
  async look(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      const digest = this.#pick();
      if (digest === undefined) return;
      for (const listener of this.#parts.listeners()) {
        const ways: Way[] = listener.tls ? ['canary', 'control'] : ['plain'];
        for (const way of ways) await this.#fetch(listener, way, digest);
      }
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the sentinel could not look');
    } finally {
      this.#running = false;
    }
  }

  async #fetch(listener: ListenerOptions, way: Way, digest: string): Promise<void> {
    const { rollout, token, objects, maxBytes, log } = this.#parts;
    const count = this.#status.ways[way];
    const serverName = rollout.sentinels[way === 'plain' ? 'control' : way];
    let fetched: Fetched;
    try {
      // Imported on first use: a server without the sentinel need not load the HTTP clients.
      const { fetchDigest } = await import('./fetch_digest.ts');
      fetched = await fetchDigest({
        listener,
        path: `${objects()}sha256/${digest}`,
        token,
        maxBytes,
        serverName,
      });
      if (fetched.status !== 200) throw new Error(`answered with ${fetched.status}`);
    } catch (error) {
      count.failed += 1;
      log.warn({ err: error, way, digest, port: listener.port }, 'the sentinel got no answer');
      return;
    }
    if (fetched.digest === digest) count.same += 1;
    else await this.#mismatch(way, digest, fetched);
  }

  async #mismatch(way: Way, digest: string, { body, digest: got }: Fetched): Promise<void> {
    const { rollout, log } = this.#parts;
    const evidence = await this.#keep(way, digest, body);
    const blob = await this.#examine(digest);
    if (blob === 'unreadable') {
      this.#status.ways[way].failed += 1;
      const what =
        'other bytes came than were sealed, and the blob cannot be read to tell where they are from';
      log.error({ way, digest, got, evidence }, what);
      return;
    }
    if (blob === 'damaged') {
      this.#status.damagedBlobs += 1;
      log.error({ way, digest, evidence }, 'a blob on disk is not what it was; it is in quarantine');
      return;
    }
    this.#status.ways[way].mismatched += 1;
    const why = `wrong bytes by way of ${way}: sha256 ${got} for ${digest}, kept in ${evidence}`;
    log.fatal({ way, digest, got, evidence }, 'the sentinel got other bytes than were sealed');
    if (way === 'canary' && rollout.state.phase !== 'instrument')
      await rollout.rollBack({ who: 'sentinel', why });
    else this.#status.alarm = why;
  }

  async #examine(digest: string): Promise<'right' | 'damaged' | 'unreadable'> {
    try {
      await this.#parts.prove(digest);
      return 'right';
    } catch (error) {
      return hasCode(error, 'seal-broken') ? 'damaged' : 'unreadable';
    }
  }

  async #keep(way: Way, digest: string, body: Buffer): Promise<string> {
    const path = join(this.#parts.store.root, 'quarantine', `sentinel-${Date.now()}-${way}-${digest}`);
    if (this.#status.evidence.length >= keptEvidence) return 'no further file: there are enough';
    try {
      await writeFile(path, body, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      return `no file: ${(error as Error).message}`;
    }
    this.#status.evidence.push(path);
    return path;
  }

  // A different small object each time.
  #pick(): string | undefined {
    const { store, maxBytes } = this.#parts;
    const turn = Object.values(this.#status.ways).reduce((sum, { same }) => sum + same, 0);
    const found = store
      .buckets()
      .flatMap(({ name }) => store.list(name, { prefix: '', after: '', limit: candidates }).entries)
      .filter(({ size }) => size <= maxBytes);
    return found[turn % Math.max(found.length, 1)]?.digest;
  }
}
