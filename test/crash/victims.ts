// Victims: programs that are killed at a call, and the check of what they leave. Bundled, as thousands of
// them are started.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { openStore } from '../../src/store/content_store.ts';
import { Expected, type Mark } from '../faults/marks.ts';
import { Faults, type Step } from '../faults/shim.ts';
import { Work } from '../faults/work.ts';
import { type Outcome, outcome, root as project } from '../support/runtime.ts';
import { checkFolders, checkNames, faultsBetweenRecords, orphansOf } from '../support/whole_store.ts';

/** `make crash`: every call. */
export const takesAll = process.env.CRASH === 'all';
/** Programs at a time, each with a store of its own. */
export const lanes = 2;

// In memory where there is such a folder: what a kill leaves does not depend on the disk.
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The folder of a test, and the program that is killed there. */
export class Victims {
  readonly home: string;
  readonly #bundle: string;
  readonly #lanes: Lane[];

  private constructor(home: string, bundle: string) {
    this.home = home;
    this.#bundle = bundle;
    const program = join(bundle, 'src/victim.js');
    this.#lanes = Array.from(
      { length: lanes },
      (_, number) => new Lane(join(home, `lane-${number}`), program),
    );
  }

  static async make(): Promise<Victims> {
    const home = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? memory, 'sealgate-crash-'));
    // In the project: the addon and the packages are found from there.
    const bundle = await mkdtemp(join(project, 'build', 'crash-'));
    await build({
      absWorkingDir: project,
      // Where programs look for the modules of their threads.
      entryPoints: { 'src/victim': 'test/crash/victim.ts', 'workers/maintain': 'workers/maintain.ts' },
      outdir: bundle,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      chunkNames: 'src/[name]-[hash]',
      external: ['lmdb', 'piscina', 'esbuild'],
      banner: { js: "import{createRequire as from}from'node:module';const require=from(import.meta.url);" },
      logLevel: 'warning',
    });
    return new Victims(home, bundle);
  }

  async remove(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
    await rm(this.#bundle, { recursive: true, force: true });
  }

  /** Each lane does its part of the work, whatever becomes of the others. */
  async inLanes(work: (lane: Lane, number: number) => Promise<Death[]>): Promise<Death[]> {
    const ends = await Promise.allSettled(this.#lanes.map(work));
    return ends.flatMap((end) => {
      if (end.status === 'rejected') throw end.reason;
      return end.value;
    });
  }
}

export interface Death {
  /** The call that it died at; undefined: it ended before. */
  hit?: string;
  /** Of a program that was not killed. */
  end?: 'passes' | 'is done by a further try' | 'ends';
  acknowledged: number;
  /** Changes that nobody acknowledged. */
  made: number;
  unmade: number;
  /** Files that no record names. */
  orphans: number;
  /** What is lost, half there or left over. */
  fault?: string;
}

function endOf({ status, stderr }: Outcome): Death['end'] {
  if (status === null) return undefined;
  if (status !== 0) return 'ends';
  return stderr.includes('failed: ') ? 'is done by a further try' : 'passes';
}

type Args = [what: string, which: string];

/** Milliseconds: a program that has not ended by then never does. */
const patience = 120_000;

const nothing = { made: 0, unmade: 0, orphans: 0 };

/** A store, and the programs that use it one after another. */
export class Lane {
  readonly dir: string;
  readonly root: string;
  readonly #program: string;
  readonly #faults: Faults;
  expected = new Expected();

  constructor(dir: string, program: string) {
    this.dir = dir;
    this.root = join(dir, 'store');
    this.#program = program;
    this.#faults = new Faults(dir, `${this.root}/`);
  }

  async take(template: string, expected: Expected): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
    await cp(template, this.root, { recursive: true, preserveTimestamps: true });
    this.expected = expected.copy();
  }

  /** A program begins, and dies at the step. */
  die(step: Step, args: Args, damaged?: ReadonlySet<string>): Promise<Death> {
    return this.#meet(step, args, damaged, ({ status }) => status === null);
  }

  /** A call of a program fails: it says so, and goes on or ends. */
  fail(step: Step, which: string, damaged?: ReadonlySet<string>): Promise<Death> {
    return this.#meet(step, ['errors', which], damaged, ({ status, stderr }) =>
      status === 0 ? true : [1, 74].includes(status ?? 0) && /(^|\n)failed: .*\S.*\n$/.test(stderr),
    );
  }

  async #meet(
    step: Step,
    [what, which]: Args,
    damaged: ReadonlySet<string> | undefined,
    isRight: (end: Outcome) => boolean,
  ): Promise<Death> {
    const command = [this.#program, what, this.root, this.dir, which];
    const options = { env: { ...process.env, ...this.#faults.environment }, timeout: patience };
    const run = () => outcome(spawn('node', command, options));
    const { hit, result } = await this.#faults.during(step, run);
    if (hit === undefined ? result.status !== 0 : !isRight(result))
      throw new Error(`${which}, ${step.error} ${step.number} ${hit}: ${result.status} ${result.stderr}`);
    const marks = result.stdout.split('\n').filter(Boolean);
    let acknowledged = 0;
    for (const line of marks) {
      const mark = JSON.parse(line) as Mark;
      this.expected.take(mark);
      acknowledged += Number(!mark.begin);
    }
    const found = await this.#check(damaged).catch(({ message }: Error) => ({
      ...nothing,
      fault: `${which}, ${step.error} at call ${step.number}, ${hit}: ${message}`,
    }));
    const end = endOf(result);
    return { ...(hit !== undefined && { hit }), ...(end && { end }), acknowledged, ...found };
  }

  /** Opens the store as a server does that starts, and looks at all of it. */
  async #check(damaged?: ReadonlySet<string>): Promise<Pick<Death, 'made' | 'unmade' | 'orphans'>> {
    const store = await openStore({ root: this.root });
    let orphans: string[] = [];
    let seen: Pick<Death, 'made' | 'unmade'> = nothing;
    try {
      await checkFolders(this.root);
      seen = this.expected.check(store);
      await checkNames(store, damaged);
      orphans = await orphansOf(store);
      const work = new Work(store, (mark) => this.expected.take(mark));
      if (orphans.length > 0) await work.scrub();
      const left = await orphansOf(store);
      if (left.length > 0) throw new Error(`files without a record after a scrub: ${left}`);
      await work.bucket('after', 'versioned');
      await work.retain('after', { versions: 0 });
      await work.put('after/crash', `written after ${Date.now()}`);
    } finally {
      await store.close();
    }
    const faults = await faultsBetweenRecords(this.root);
    if (faults.length > 0) throw new Error(faults.join('\n'));
    return { ...seen, orphans: orphans.length };
  }
}
