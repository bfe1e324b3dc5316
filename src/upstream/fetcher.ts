// Fetcher: the threads that fetch. Bytes go from a socket there into a staging file, and never through the
// thread of the application.

import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { workerUrl } from '../worker_url.ts';
import type {
  Fetched,
  FetchTask,
  Offer,
  PartsTask,
  SendTask,
  Sent,
  Taking,
  TokenAnswer,
  TokenTask,
  Told,
} from './fetching.ts';

/** Threads: each decrypts, hashes and writes some hundred MB a second. */
const mostThreads = 4;
/** Fetches of a thread at a time, before another one is started. */
const perThread = 256;

export interface Fetch extends Omit<FetchTask, 'port'> {
  /** Says where an offered body goes; undefined: nowhere. Rejects: nowhere, and so does the fetch. */
  take(offer: Offer): Taking | undefined | Promise<Taking | undefined>;
  signal: AbortSignal;
}

export class Fetcher {
  #pool: Piscina | undefined;

  async run({ take, signal, ...task }: Fetch): Promise<Fetched> {
    const { port1: own, port2: port } = new MessageChannel();
    const tell = (told: Told) => own.postMessage(told);
    let refused: { why: unknown } | undefined;
    own.on('message', async (offer: Offer) => {
      try {
        const taking = await take(offer);
        tell(taking ? { take: taking } : { cancel: true });
      } catch (why) {
        refused = { why };
        tell({ cancel: true });
      }
    });
    const cancel = () => tell({ cancel: true });
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      const fetched: Fetched = await this.#threads().run({ ...task, port }, { transferList: [port] });
      if (refused) throw refused.why;
      return fetched;
    } finally {
      signal.removeEventListener('abort', cancel);
      own.close();
    }
  }

  send(task: SendTask): Promise<Sent> {
    return this.#threads().run(task, { name: 'send' });
  }

  token(task: TokenTask): Promise<TokenAnswer> {
    return this.#threads().run(task, { name: 'token' });
  }

  sendParts(task: PartsTask): Promise<Sent> {
    return this.#threads().run(task, { name: 'sendInParts' });
  }

  /** Starts a thread, so that the first fetch does not wait for it. */
  warm(): void {
    this.#threads();
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }

  #threads(): Piscina {
    this.#pool ??= new Piscina({
      filename: workerUrl('fetch'),
      minThreads: 1,
      maxThreads: Math.min(mostThreads, availableParallelism()),
      concurrentTasksPerWorker: perThread,
      // A thread has connections that are to be used again.
      idleTimeout: Number.POSITIVE_INFINITY,
      // Between tasks it has to go on with others.
      atomics: 'disabled',
      maxQueue: Number.POSITIVE_INFINITY,
    });
    return this.#pool;
  }
}
