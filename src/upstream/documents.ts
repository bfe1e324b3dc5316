// Documents: what upstreams have that tells of other objects of theirs. They may be large, and are read in a
// thread of their own, one after another.

import { Piscina } from 'piscina';
import type { Readers } from '../../workers/read.ts';
import { workerUrl } from '../worker_url.ts';

/** Tasks that wait at most; each is some hundred bytes. */
const mostWaiting = 10_000;

/** What the thread is told. */
export interface Reading<Name extends keyof Readers> {
  reader: Name;
  task: Parameters<Readers[Name]>[0];
}

export class Documents {
  #pool: Piscina | undefined;

  /** Rejects as the reader does, and when too many wait. */
  async read<Name extends keyof Readers>(
    reader: Name,
    task: Reading<Name>['task'],
  ): Promise<Awaited<ReturnType<Readers[Name]>>> {
    this.#pool ??= this.#start();
    return this.#pool.run({ reader, task });
  }

  #start(): Piscina {
    const pool = new Piscina({
      filename: workerUrl('read'),
      // One: it remembers what it has read.
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      maxQueue: mostWaiting,
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
