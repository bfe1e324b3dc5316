// The library of faults.c, built for a test, and the program that it is loaded into.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { root } from '../support/runtime.ts';

const { EIO, ENOSPC, EDQUOT, EROFS, EMFILE, EACCES } = constants.errno;
export const errors = { EIO, ENOSPC, EDQUOT, EROFS, EMFILE, EACCES };
export type ErrorName = keyof typeof errors;
/** The process is killed before the call, or in it (faults.c). */
const kills = { kill: 0, 'kill in it': -1 };

export function isKill(error: Step['error']): boolean {
  return error in kills;
}

/** `make faults`: each step with each error. */
export const takesAll = process.env.FAULTS === 'all';

/** Their number differs by some from time to time: so many in a row that were not there end a search. */
const missesAtEnd = takesAll ? 3 : 1;

/** What came of each step. @param inject resolves with undefined where there is no such step. */
export async function eachStep<T>(
  { first = 1, most, stride }: { first?: number; most: number; stride: number },
  inject: (number: number) => Promise<T | undefined>,
): Promise<T[]> {
  const seen: T[] = [];
  for (let number = first, misses = 0; number <= most && misses < missesAtEnd; number += stride) {
    const hit = await inject(number);
    misses = hit === undefined ? misses + 1 : 0;
    if (hit !== undefined) seen.push(hit);
  }
  return seen;
}

export interface Step {
  number: number;
  error: ErrorName | keyof typeof kills;
}

export class Faults {
  /** Of a program that has the library in it. */
  readonly environment: Record<string, string>;
  readonly #arm: string;
  readonly #log: string;
  #round = 0;

  /** @param below only what happens to files whose path has this in it counts. */
  constructor(dir: string, below: string) {
    mkdirSync(dir, { recursive: true });
    const shim = join(dir, 'faults.so');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', join(root, 'test/faults/faults.c'), '-o', shim, '-ldl']);
    [this.#arm, this.#log] = [join(dir, 'arm'), join(dir, 'hits')];
    this.environment = {
      LD_PRELOAD: shim,
      FAULTS_ARM: this.#arm,
      FAULTS_LOG: this.#log,
      FAULTS_PATH: below,
    };
  }

  /** Programs that `start` starts have the library in them. */
  async within<T>(start: () => Promise<T> | T): Promise<T> {
    Object.assign(process.env, this.environment);
    try {
      return await start();
    } finally {
      for (const name of Object.keys(this.environment)) delete process.env[name];
    }
  }

  /** The step fails while `work` goes on. `hit`: which call that was; undefined where there is none. */
  async during<T>({ number, error }: Step, work: () => Promise<T>): Promise<{ hit?: string; result: T }> {
    const round = ++this.#round;
    await writeFile(this.#arm, `${round} ${number} ${{ ...errors, ...kills }[error]}`);
    const result = await work();
    await rm(this.#arm);
    const hits = await readFile(this.#log, 'utf8').catch(() => '');
    const line = hits.split('\n').find((each) => each.startsWith(`${round} `));
    return line === undefined ? { result } : { hit: shown(line), result };
  }
}

/** Call and file, the part of its path that tells. */
function shown(line: string): string {
  const [, , call = '', path = ''] = line.split(' ');
  const inStore = path.replace(/^.*\/store(?=\/|$)/, 'store');
  return `${call} ${inStore.replaceAll(/[0-9a-f-]{36}/g, 'UUID').replace(/[0-9a-f]{64}/, 'DIGEST')}`;
}
