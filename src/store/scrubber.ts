// Scrubber: slowly reads and hashes every blob once in each period, and looks for files that are no recorded
// blobs. So damage below the file system is found before a client gets it. One pass takes the blobs in the
// order of their digests, then the folders.

import type { Counters } from '../native/addon.ts';
import { Pace } from './pace.ts';
import {
  type Finding,
  type FindingState,
  findings,
  type Pass,
  readScrubState,
  type ScrubState,
  writeScrubState,
} from './scrub_pass.ts';
import { awayPause, openingCost, type RoundOptions, ScrubRound } from './scrub_round.ts';
import { StandingFaults } from './standing_faults.ts';

export interface ScrubberOptions extends RoundOptions {
  /** Milliseconds from the beginning of one pass to that of the next. */
  period: number;
  bytesPerSecond: number;
  onFinding(finding: Finding): void;
}

export interface ScrubStatus {
  state: 'reading' | 'waiting';
  /** Why the pass cannot go on; undefined: it can. */
  trouble?: string;
  /** The pass under way, and the share of it that is done, 0 to 1. */
  pass?: Pass & { progress: number };
  last?: Pass & { ended: number };
  /** The pass will take, or has taken, longer than the period. */
  late: boolean;
  /** Faults that nobody has mended yet: what is missing, unreadable or not the store's. */
  standing: Finding[];
}

/** Most milliseconds before the first pass, because a server that has just started answers clients first. */
const startDelay = 60_000;
/** Least milliseconds between two passes, and most of one sleep, since the clock may be set meanwhile. */
const leastPause = 1000;
const longestSleep = 3_600_000;
/** Milliseconds after which the state is written again; after a restart that much work is done twice. */
const writeEvery = 60_000;
/** Milliseconds between two checks whether faults were mended. */
const lookAgainEvery = 3_600_000;
/** Most faults that are shown, and most findings of one kind in a pass that are logged one by one. */
const shownFaults = 100;
const toldFindings = 100;
/** The share of a pass after which its end is estimated. */
const foreseeable = 0.05;

export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #state: Omit<ScrubState, 'standing'> = {};
  readonly #standing = new StandingFaults();
  #running: Promise<void> | undefined;
  #isReading = false;
  #trouble: string | undefined;
  #written = Number.NEGATIVE_INFINITY;
  #lookedAgain = Number.NEGATIVE_INFINITY;
  #isUnwritable = false;
  /** Since the start. */
  readonly #total = { blobs: 0, bytes: 0, found: new Map<FindingState, number>() };

  constructor(options: ScrubberOptions) {
    this.#options = options;
    this.#pace = new Pace(options.bytesPerSecond, options.clock);
  }

  start(): void {
    this.#running = this.#run(this.#stop.signal).catch(() => {});
  }

  /** Stops reading. Resolves when the state is on disk. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    if (this.#state.pass) await this.#write();
  }

  status(): ScrubStatus {
    const { pass, last } = this.#state;
    return {
      state: this.#isReading ? 'reading' : 'waiting',
      ...(this.#trouble !== undefined && { trouble: this.#trouble }),
      ...(pass && { pass: { ...pass, progress: this.#progress() } }),
      ...(last && { last }),
      late: this.#isLate(),
      standing: this.#standing.all().slice(0, shownFaults),
    };
  }

  /** Named as the engine names its totals. */
  counters(): Counters {
    const { last } = this.#state;
    const found = findings.map((state) => [`scrub_findings.${state}`, this.#total.found.get(state) ?? 0]);
    const standing = Object.entries(this.#standing.counts()).map(([state, count]) => [
      `scrub_standing.${state}`,
      count,
    ]);
    return {
      scrub_blobs: this.#total.blobs,
      scrub_bytes: this.#total.bytes,
      scrub_progress: this.#progress(),
      scrub_ended: (last?.ended ?? 0) / 1000,
      scrub_late: Number(this.#isLate()),
      ...Object.fromEntries([...found, ...standing]),
    };
  }

  // Digests are spread evenly, so the current digest tells the share that is done.
  #progress(): number {
    const { pass } = this.#state;
    if (!pass) return 0;
    return pass.phase === 'files' ? 1 : Number.parseInt(pass.after.slice(0, 8) || '0', 16) / 2 ** 32;
  }

  #isLate(): boolean {
    const { pass } = this.#state;
    if (!pass) return false;
    const taken = this.#options.clock.date() - pass.began;
    const done = this.#progress();
    return (done < foreseeable ? taken : taken / done) > this.#options.period;
  }

  // --- when ---

  async #run(signal: AbortSignal): Promise<void> {
    const { store, clock, period } = this.#options;
    const { standing, ...state } = await readScrubState(store.root);
    this.#state = state;
    this.#standing.restore(standing);
    await clock.sleep(Math.min(startDelay, period), signal);
    for (;;) {
      await this.#untilDue(signal);
      this.#isReading = true;
      const isWhole = await this.#attempt(() => this.#pass(signal), signal);
      this.#isReading = false;
      await clock.sleep(isWhole ? leastPause : awayPause, signal);
    }
  }

  /** False: the work failed, and is continued later, when the cause may be gone. */
  async #attempt(work: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    try {
      await work();
      this.#trouble = undefined;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const said = (error as Error).message;
      if (said !== this.#trouble) this.#options.onTrouble(`it is held up: ${said}`);
      this.#trouble = said;
      return false;
    }
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock, period } = this.#options;
    for (let { last } = this.#state; last && !this.#state.pass; ) {
      // A clock that was set back is no reason to wait for more than a period.
      if (last.began > clock.date()) last.began = clock.date();
      await this.#lookAgainSometimes(signal);
      const rest = last.began + period - clock.date();
      if (rest <= 0) return;
      await clock.sleep(Math.min(rest, longestSleep), signal);
    }
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    this.#state.pass ??= { began: clock.date(), blobs: 0, bytes: 0, found: {}, phase: 'blobs', after: '' };
    const { pass } = this.#state;
    // The pass may have been under way when the clock was set back.
    if (pass.began > clock.date()) pass.began = clock.date();
    const round = new ScrubRound(this.#options, this.#pace, {
      found: (state, about) => this.#found(state, about),
      reached: (digest) => this.#standing.clear(digest),
      done: (size) => {
        for (const counted of [pass, this.#total]) {
          counted.blobs++;
          counted.bytes += size;
        }
      },
      waits: (why) => {
        this.#trouble = why;
        if (why !== undefined) this.#options.onTrouble(`it waits for the store: ${why}`);
      },
      checkpoint: () => this.#sometimes(signal),
    });
    if (pass.phase === 'blobs') await round.blobs(pass, signal);
    await round.files(pass, signal);
    const { began, blobs, bytes, found } = pass;
    this.#state.last = { began, blobs, bytes, found, ended: clock.date() };
    this.#state.pass = undefined;
    this.#standing.endPass(began);
    await this.#write();
  }

  async #sometimes(signal: AbortSignal): Promise<void> {
    await this.#lookAgainSometimes(signal);
    if (this.#options.clock.now() - this.#written >= writeEvery) await this.#write();
  }

  // Checks the faults again from time to time, so that a mended one is dropped before the next pass.
  async #lookAgainSometimes(signal: AbortSignal): Promise<void> {
    const { clock, store } = this.#options;
    if (clock.now() - this.#lookedAgain < lookAgainEvery) return;
    this.#lookedAgain = clock.now();
    const pace = (bytes: number) => this.#pace.take(bytes + openingCost, signal);
    await this.#standing.lookAgain(store, { pace, signal });
  }

  async #write(): Promise<void> {
    this.#written = this.#options.clock.now();
    try {
      const standing = this.#standing.all();
      await writeScrubState(this.#options.store.root, { ...this.#state, standing });
      this.#isUnwritable = false;
    } catch (error) {
      const said = `how far it came cannot be written; a restart begins anew: ${(error as Error).message}`;
      if (!this.#isUnwritable) this.#options.onTrouble(said);
      this.#isUnwritable = true;
    }
  }

  #found(state: FindingState, about: Pick<Finding, 'digest' | 'path' | 'detail'>): void {
    const { pass } = this.#state;
    const finding: Finding = { state, at: this.#options.clock.date(), ...about };
    this.#total.found.set(state, (this.#total.found.get(state) ?? 0) + 1);
    const count = (pass?.found[state] ?? 0) + 1;
    if (pass) pass.found[state] = count;
    const isNew = this.#standing.note(finding);
    if (isNew && count <= toldFindings) this.#options.onFinding(finding);
  }
}
