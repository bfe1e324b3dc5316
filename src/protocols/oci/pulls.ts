// Pulls of repositories: how many manifests were asked for, and when last. They are kept as the uses of a
// name that no object has, on the disk within a minute.

import type { Noted } from './marks.ts';

export interface Pulled {
  pulls: number;
  /** Milliseconds since the epoch; absent: it never was. */
  pulled?: number;
}

export class Pulls {
  readonly #noted: Noted;

  constructor(noted: Noted) {
    this.#noted = noted;
  }

  /** @param repository with the prefix of its site. */
  of(bucket: string, repository: string): Pulled {
    const { at, count = 0 } = this.#noted.of(bucket, nameOf(repository)) ?? {};
    return { pulls: count, ...(at !== undefined && { pulled: at }) };
  }

  add(bucket: string, repository: string): void {
    const { pulls } = this.of(bucket, repository);
    this.#noted.note(bucket, nameOf(repository), { at: Date.now(), count: pulls + 1 });
  }

  forget(bucket: string, repository: string): void {
    if (this.of(bucket, repository).pulls > 0) this.#noted.note(bucket, nameOf(repository), undefined);
  }
}

const nameOf = (repository: string) => `${repository}/_pulls`;
