// Documents: what upstreams have that tells of other objects of theirs. They may be large, and are read in a
// thread of their own, one after another. One that takes too long is given up with its thread, so that the
// others do not wait for it.

import { Piscina } from 'piscina';
import type { Readers } from '../../workers/read.ts';
import { Places } from '../places.ts';
import { workerUrl } from '../worker_url.ts';

/** Tasks that wait at most; each is some hundred bytes. */
const mostWaiting = 10_000;
/** The largest that are taken need some seconds; so long only what was made to take long. */
const mostMilliseconds = 120_000;

/** What the thread is told. */
export interface Reading<Name extends keyof Readers> {
  reader: Name;
  task: Parameters<Readers[Name]>[0];
}

export class Documents {
  readonly #limits: { milliseconds: number };
  readonly #places = new Places(1);
  #pool: Piscina | undefined;
  #waiting = 0;

  constructor(limits = { milliseconds: mostMilliseconds }) {
    this.#limits = limits;
  }

  /** Rejects as the reader does, when too many wait, and when it takes too long. */
  async read<Name extends keyof Readers>(
    reader: Name,
    task: Reading<Name>['task'],
  ): Promise<Awaited<ReturnType<Readers[Name]>>> {
    if (this.#waiting >= mostWaiting) throw new Error(`more than ${mostWaiting} documents wait to be read`);
    this.#waiting++;
    const leave = await this.#places.take(1);
    this.#waiting--;
    const { milliseconds } = this.#limits;
    const late = AbortSignal.timeout(milliseconds);
    try {
      this.#pool ??= this.#start();
      return await this.#pool.run({ reader, task }, { signal: late });
    } catch (cause) {
      if (!late.aborted) throw cause;
      throw new Error(`${reader} took more than ${milliseconds / 1000} seconds`, { cause });
    } finally {
      leave();
    }
  }

  #start(): Piscina {
    const pool = new Piscina({
      filename: workerUrl('read'),
      // One: it remembers what it has read.
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      // A document that takes more ends the thread and not the server.
      resourceLimits: { maxOldGenerationSizeMb: 1536 },
    });
    // What was to be read then is rejected as well.
    pool.on('error', () => {});
    return pool;
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}
