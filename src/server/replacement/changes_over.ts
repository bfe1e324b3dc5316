// ChangesOver: changes that the process which was replaced has the other one make, over the connection
// between them.

import { errors, SealgateError } from '../../errors.ts';
import { type Change, makeChange } from '../../objects/changes.ts';
import type { GrowingUploads } from '../../objects/growing_uploads.ts';
import type { SharedObjects } from '../../objects/shared_objects.ts';
import type { Elsewhere } from '../../objects/turn.ts';
import { GrowingElsewhere, type Growth, tellGrowth } from './growing_over.ts';
import type { Talk } from './talk.ts';

interface Question {
  ask: number;
  change: Change;
}

interface Reply {
  reply: number;
  /** What the change resolved with. */
  done?: unknown;
  failed?: { code: string; detail: string; retryAfter?: number | undefined };
}

/** Makes the other process's changes, and hears of what grows there, until it has gone. */
export async function makeChangesOf(
  talk: Talk,
  objects: SharedObjects,
  uploads: GrowingUploads,
): Promise<void> {
  const elsewhere = new GrowingElsewhere(uploads);
  try {
    for (let heard = await talk.hearAny(); heard; heard = await talk.hearAny()) {
      const message = JSON.parse(heard.text) as Question | Growth;
      if ('growing' in message) elsewhere.take(message, heard.files);
      else
        void answerTo(objects, message.change).then((answer) =>
          talk.say({ reply: message.ask, ...answer }).catch(() => talk.close()),
        );
    }
  } finally {
    elsewhere.end();
  }
}

async function answerTo(objects: SharedObjects, change: Change): Promise<Omit<Reply, 'reply'>> {
  try {
    return { done: await makeChange(objects, change) };
  } catch (error) {
    const known = error instanceof SealgateError;
    const { code, retryAfter } = known ? error : { code: 'store-write-failed', retryAfter: undefined };
    return { failed: { code, detail: (error as Error).message, retryAfter } };
  }
}

export class ChangesOver {
  readonly #talk: Talk;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(cause: Error): void }>();
  #last = 0;
  #isOver = false;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  readonly make: Elsewhere = (change) => {
    if (this.#isOver) return Promise.reject(gone());
    const ask = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject });
      this.#talk.say({ ask, change } satisfies Question).catch(() => this.#fail(ask));
    });
  };

  /**
   * Takes the answers, and tells of uploads that grow. Resolves when the other process has gone; what waits
   * then, and later, fails.
   */
  async run(uploads: GrowingUploads): Promise<void> {
    void tellGrowth(this.#talk, uploads, () => this.#isOver).catch(() => this.#talk.close());
    try {
      for (let heard = await this.#talk.hearAny(); heard; heard = await this.#talk.hearAny())
        this.#take(JSON.parse(heard.text) as Reply);
    } finally {
      this.#isOver = true;
      for (const ask of [...this.#waiting.keys()]) this.#fail(ask);
    }
  }

  #take({ reply, done, failed }: Reply): void {
    const waiting = this.#waiting.get(reply);
    this.#waiting.delete(reply);
    if (failed) waiting?.reject(errorOf(failed));
    else waiting?.resolve(done);
  }

  #fail(ask: number): void {
    this.#waiting.get(ask)?.reject(gone());
    this.#waiting.delete(ask);
  }
}

function gone(): SealgateError {
  return new SealgateError('store-write-failed', 'The server process that writes to the store has ended.');
}

function errorOf({ code, detail, retryAfter }: NonNullable<Reply['failed']>): SealgateError {
  const known = code in errors ? (code as keyof typeof errors) : 'store-write-failed';
  return new SealgateError(known, detail, retryAfter === undefined ? {} : { retryAfter });
}
