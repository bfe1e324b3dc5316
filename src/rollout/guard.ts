// Guard: compares the groups after every sample and acts on the verdict. It rolls back to userspace TLS when
// the canary is worse and later samples confirm it. It raises the percentage to the operator's next step
// when the groups were alike for long enough while the kernel really carried traffic. It never goes up again
// by itself after a rollback, so it cannot flap.

import type { Logger } from 'pino';
import type { GuardPolicy } from '../config/rollout.ts';
import { type Comparison, compare, type Judgement, type Metric } from './compare.ts';
import type { Rollout } from './rollout.ts';
import { groupCounts, type Samples } from './samples.ts';

export interface GuardStatus extends Judgement {
  enabled: boolean;
  /** Number of consecutive verdicts `worse`. */
  streak: number;
  /** Rollbacks by the guard since the server began. */
  rollbacks: number;
  /** ISO 8601. Until then, raising the rollout needs force. */
  coolDownUntil?: string;
  /** The differences that caused the last rollback. */
  evidence?: string;
  /** The next percentage, and the conditions that are not met yet, one sentence each. */
  step?: { next: number; waitsFor: string[] };
}

export interface GuardParts {
  policy: GuardPolicy;
  samples: Samples;
  rollout: Rollout;
  log: Logger;
  /** The current time in milliseconds since the epoch. */
  now?: () => number;
  random?: () => number;
}

export class Guard {
  readonly #parts: GuardParts;
  readonly #now: () => number;
  #judgement: Judgement = { verdict: 'insufficient', intervals: 0, comparisons: [], classes: [] };
  #streak = 0;
  /** Time of the first verdict of the streak. */
  #suspectSince = 0;
  #rollbacks = 0;
  #evidence: string | undefined;
  /** Time since which the groups are alike in the current state of the rollout. */
  #alikeSince: number | undefined;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
  }

  status(): GuardStatus {
    const until = this.#parts.rollout.coolDownUntil;
    return {
      ...this.#judgement,
      enabled: this.#parts.policy.enabled,
      streak: this.#streak,
      rollbacks: this.#rollbacks,
      ...(until > this.#now() && { coolDownUntil: new Date(until).toISOString() }),
      ...(this.#evidence !== undefined && { evidence: this.#evidence }),
      ...this.#step(),
    };
  }

  /** Must be called after each sample. Never rejects. */
  async look(): Promise<void> {
    const { policy, samples, rollout, log, random } = this.#parts;
    const since = Math.max(this.#now() - policy.windowSeconds * 1000, rollout.changedAt);
    this.#judgement = compare(samples.intervals(since), policy, random);
    const { verdict } = this.#judgement;
    if (verdict === 'worse' && this.#streak === 0) this.#suspectSince = this.#now();
    this.#streak = verdict === 'worse' ? this.#streak + 1 : 0;
    if (verdict !== 'alike' || this.#alikeSince === undefined || this.#alikeSince < rollout.changedAt) {
      this.#alikeSince = verdict === 'alike' ? this.#now() : undefined;
    }
    if (!policy.enabled || rollout.state.phase === 'instrument') return;
    try {
      if (this.#streak >= policy.consecutive && this.#confirmed()) await this.#rollBack();
      else await this.#goOn();
    } catch (error) {
      log.error({ err: error }, 'the guard could not act');
    }
  }

  // Among many looks at equal groups a few find a difference by chance, and the first verdict of a streak
  // was picked because it found one. Samples from after it were not picked, so they must show the same
  // metric worse.
  #confirmed(): boolean {
    const { policy, samples, random } = this.#parts;
    const worse = ({ verdict }: Comparison) => verdict === 'worse';
    const suspects = new Set(this.#judgement.comparisons.filter(worse).map(({ metric }) => metric));
    const after = compare(samples.intervals(this.#suspectSince), policy, random);
    return after.comparisons.filter(worse).some(({ metric }) => suspects.has(metric));
  }

  async #rollBack(): Promise<void> {
    const { policy, rollout, log } = this.#parts;
    const evidence = this.#judgement.comparisons.filter(({ verdict }) => verdict === 'worse');
    this.#evidence = evidence.map(describeComparison).join('; ');
    this.#rollbacks += 1;
    this.#streak = 0;
    log.error({ evidence, classes: this.#judgement.classes.slice(0, 5) }, 'the guard rolls kernel TLS back');
    const until = this.#now() + policy.coolDownSeconds * 1000;
    await rollout.rollBack({ who: 'guard', why: this.#evidence }, until);
  }

  async #goOn(): Promise<void> {
    const { step } = this.#step();
    if (!step || step.waitsFor.length > 0) return;
    const { connections, bytes } = this.#moved();
    const why =
      `the groups were alike for ${Math.round(this.#alikeSeconds())} s, ` +
      `${connections} connections with ${bytes} bytes in the kernel`;
    await this.#parts.rollout.change({ percent: step.next }, { who: 'guard', why });
  }

  #step(): Pick<GuardStatus, 'step'> {
    const { policy, rollout } = this.#parts;
    const { phase, percent } = rollout.state;
    const next = policy.steps.find((each) => each > percent);
    if (next === undefined || phase === 'instrument') return {};
    const waitsFor = policy.enabled ? this.#waitsFor() : ['guard.enabled is false'];
    return { step: { next, waitsFor } };
  }

  #waitsFor(): string[] {
    const { policy } = this.#parts;
    const { connections, bytes } = this.#moved();
    const alike = this.#alikeSeconds();
    const waits: [boolean, string][] = [
      [alike < policy.stepSeconds, `the groups alike for ${policy.stepSeconds} s (now ${Math.round(alike)})`],
      [
        connections < policy.stepConnections,
        `${policy.stepConnections} connections of the canary in the kernel since the last change ` +
          `(now ${connections})`,
      ],
      [bytes < policy.stepBytes, `${policy.stepBytes} bytes of the canary by the kernel (now ${bytes})`],
    ];
    return waits.filter(([lacks]) => lacks).map(([, condition]) => condition);
  }

  #alikeSeconds(): number {
    return this.#alikeSince === undefined ? 0 : (this.#now() - this.#alikeSince) / 1000;
  }

  /** What the kernel carried for the canary since the last change of the rollout. */
  #moved(): { connections: number; bytes: number } {
    const canary = groupCounts(this.#parts.samples.sinceChange().counts, 'canary', 'group');
    return { connections: canary.moved, bytes: canary.kernelBytes };
  }
}

function unitOf(metric: Metric): string {
  if (metric === 'cpu-per-byte') return ' s a byte';
  return metric.endsWith('-p99') ? ' s' : ' a response';
}

/** For example: `errors: canary 0.0312 a response, control 0.0001 a response, p 0.0005` */
function describeComparison({ metric, canary, control, p }: Comparison): string {
  const shown = (value: number) => `${Number(value.toPrecision(3))}${unitOf(metric)}`;
  return `${metric}: canary ${shown(canary)}, control ${shown(control)}, p ${Number(p.toPrecision(2))}`;
}
