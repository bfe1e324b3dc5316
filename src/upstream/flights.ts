// Flights: one fetch of an object for all who ask for it meanwhile, through whichever reactor or site. It
// goes on when one of them leaves.

import type { GrowingUpload } from '../objects/growing_uploads.ts';

/** What has become of a fetch. passed: it has reached those who read it, and is not kept. */
export type Landed =
  | { kind: 'stored' | 'passed' | 'not-modified' | 'absent' }
  | { kind: 'failed'; error: unknown };

export interface Flight {
  /** Resolves when there is something to read, or when the fetch has ended: then there is nothing. */
  began: Promise<GrowingUpload | undefined>;
  /** Never rejects. */
  landed: Promise<Landed>;
}

export class Flights {
  readonly #underWay = new Map<string, Flight>();
  #joined = 0;

  /**
   * The fetch that is under way of this key, or a new one.
   * @param fetch calls `begins` once its bytes can be read. Whoever waits gets what it rejects with.
   */
  join(key: string, fetch: (begins: (upload: GrowingUpload) => void) => Promise<Landed>): Flight {
    const known = this.#underWay.get(key);
    if (known) {
      this.#joined++;
      return known;
    }
    let begins: (upload: GrowingUpload | undefined) => void = () => {};
    const began = new Promise<GrowingUpload | undefined>((resolve) => {
      begins = resolve;
    });
    const landed = fetch(begins)
      .catch((error: unknown): Landed => ({ kind: 'failed', error }))
      .finally(() => {
        this.#underWay.delete(key);
        begins(undefined);
      });
    const flight = { began, landed };
    this.#underWay.set(key, flight);
    return flight;
  }

  isUnderWay(key: string): boolean {
    return this.#underWay.has(key);
  }

  /** Requests that found a fetch under way. */
  get joined(): number {
    return this.#joined;
  }

  async ended(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map(({ landed }) => landed));
  }
}
