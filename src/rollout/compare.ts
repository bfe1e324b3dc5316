// compare: is the canary worse than the control group? In both groups only connections count that had a
// transfer which the kernel could take; all others run the same code in both. Errors and cut responses of
// clients that left do not count: how soon the server notices depends on how much data was in flight, which
// differs by path.
// Each interval of the window gives one value per group and metric. A one-sided permutation test on the
// difference of their means decides whether the values differ (Ernst, "Permutation Methods", Statistical
// Science 19, 2004). The test assumes no distribution, and a burst of errors or a slow minute counts as the
// single interval that it is.

import { permutationTest } from 'simple-statistics';
import type { GuardPolicy } from '../config/rollout.ts';
import type { Counters } from '../native/addon.ts';
import { quantile, shareAbove } from './distribution.ts';
import { type GroupCounts, groupCounts, type Interval, sumOf } from './samples.ts';

/**
 * `errors.CLASS` is one error class of native/tls/channel_error.h; `cut` counts responses that the server
 * cut off.
 */
export type Metric =
  | 'errors'
  | `errors.${string}`
  | 'cut'
  | 'first-byte-p99'
  | 'completion-p99'
  | 'cpu-per-byte';

/** alike: no reason to stop. hold: worse, but within the limits, so do not go further. worse: roll back. */
export type Verdict = 'alike' | 'hold' | 'worse';

export interface Comparison {
  metric: Metric;
  /**
   * Over the whole window. Errors and cut responses: per response; latencies: seconds; CPU: seconds per
   * byte.
   */
  canary: number;
  control: number;
  /**
   * Probability of this difference if the groups were equal; 1 when the difference is too small to matter.
   */
  p: number;
  verdict: Verdict;
}

export interface Judgement {
  verdict: Verdict | 'insufficient';
  /** Number of intervals with enough traffic in both groups. */
  intervals: number;
  comparisons: Comparison[];
  /** Errors per response by class, sorted by the canary's share, highest first. */
  classes: { class: string; canary: number; control: number }[];
}

/** Random permutations tried, so p cannot be below 1 in 2000. Costs a few milliseconds of the main thread. */
const permutations = 2000;

interface Pair {
  canary: GroupCounts;
  control: GroupCounts;
}

interface Measure {
  metric: Metric;
  /** The value of a group in one interval; these values are tested. */
  value: (group: GroupCounts) => number;
  /** The value of a group over the whole window; it is shown, and the limits of the policy apply to it. */
  effect: (group: GroupCounts) => number;
  worse: (canary: number, control: number) => boolean;
  hold: (canary: number, control: number) => boolean;
}

/** @param random returns uniform values in [0, 1). */
export function compare(
  intervals: readonly Interval[],
  policy: GuardPolicy,
  random: () => number = Math.random,
): Judgement {
  const parts = intervals.map(comparedIn);
  const pairs = parts.map(({ pair }) => pair).filter((pair) => hasTraffic(pair, policy));
  const whole = pairOf(sumOf(parts));
  const judged = { intervals: pairs.length, classes: classesOf(whole) };
  if (pairs.length < policy.minIntervals) return { ...judged, verdict: 'insufficient', comparisons: [] };
  const tested = measures(whole, policy).flatMap((measure) => {
    const found = testOf(measure, pairs, whole, random);
    return found ? [{ measure, found }] : [];
  });
  // Each metric is one more chance of a false alarm, so the level is divided among them (Bonferroni).
  const significance = policy.significance / Math.max(tested.length, 1);
  const comparisons = tested.map(({ measure, found }) => ({
    ...found,
    verdict: verdictOf(measure, found, significance),
  }));
  const severity: Verdict[] = ['worse', 'hold', 'alike'];
  const verdict = severity.find((each) => comparisons.some((found) => found.verdict === each)) ?? 'alike';
  return { ...judged, verdict, comparisons };
}

interface Compared {
  counts: Counters;
  pair: Pair;
}

/** Cache: an interval is compared again at every look while it is in the window. */
const seen = new WeakMap<Interval, Compared>();

function comparedIn(interval: Interval): Compared {
  const known = seen.get(interval);
  if (known) return known;
  const isCompared = ([name]: [string, number]) => /^movable_\w+\.(canary|control)\b/.test(name);
  const counts = Object.fromEntries(Object.entries(interval.counts).filter(isCompared));
  const found = { counts, pair: pairOf(counts) };
  seen.set(interval, found);
  return found;
}

function pairOf(counts: Counters): Pair {
  return {
    canary: groupCounts(counts, 'canary', 'movable'),
    control: groupCounts(counts, 'control', 'movable'),
  };
}

function hasTraffic({ canary, control }: Pair, { minResponses }: GuardPolicy): boolean {
  return attempts(canary) >= minResponses && attempts(control) >= minResponses;
}

const attempts = ({ responses, cut }: GroupCounts) => responses + cut.server + cut.client;
const errorsOf = ({ errors }: GroupCounts) => Object.values(errors).reduce((sum, count) => sum + count, 0);

function measures({ canary: suspect, control }: Pair, policy: GuardPolicy): Measure[] {
  const further = (canary: number, other: number) => canary - other >= policy.errorShare;
  const ratioOf = (limit: number) => (canary: number, other: number) => canary >= other * limit;
  // The limit is a ratio, so half way to it is its square root.
  const holdOf = (limit: number) => ratioOf(Math.sqrt(limit));
  const share = (metric: Metric, count: (group: GroupCounts) => number): Measure => {
    const value = (group: GroupCounts) => count(group) / (attempts(group) + count(group));
    return { metric, value, effect: value, worse: further, hold: () => true };
  };
  const p99 = (metric: Metric, times: 'firstByte' | 'completion'): Measure => {
    const bound = quantile(control[times], 0.99);
    return {
      metric,
      value: (group) => shareAbove(group[times], bound),
      effect: (group) => quantile(group[times], 0.99),
      worse: ratioOf(policy.latencyRatio),
      hold: holdOf(policy.latencyRatio),
    };
  };
  // CPU is sampled: a group with no sample in the whole window was not measured, so its cost is unknown, not
  // 0.
  const cpuPerByte = ({ cpuSeconds, bytes, received }: GroupCounts) => cpuSeconds / (bytes + received);
  const cpuMeasured = (group: GroupCounts) => (group.cpuSeconds > 0 ? cpuPerByte(group) : Number.NaN);
  return [
    share('errors', errorsOf),
    // Each error class also on its own: a rare class would be hidden in the sum.
    ...Object.keys(suspect.errors).map((name) => ({
      ...share(`errors.${name}`, ({ errors }) => errors[name] ?? 0),
      hold: () => false,
    })),
    share('cut', ({ cut }) => cut.server),
    p99('first-byte-p99', 'firstByte'),
    p99('completion-p99', 'completion'),
    {
      metric: 'cpu-per-byte',
      value: cpuPerByte,
      effect: cpuMeasured,
      worse: ratioOf(policy.cpuRatio),
      hold: holdOf(policy.cpuRatio),
    },
  ];
}

type Tested = Omit<Comparison, 'verdict'>;

/** Undefined when one of the groups has no value for the measure. */
function testOf(measure: Measure, pairs: Pair[], whole: Pair, random: () => number): Tested | undefined {
  const [canary, control] = [measure.effect(whole.canary), measure.effect(whole.control)];
  const values = (group: keyof Pair) =>
    pairs.map((pair) => measure.value(pair[group])).filter((value) => Number.isFinite(value));
  const [mine, others] = [values('canary'), values('control')];
  if (!Number.isFinite(canary) || !Number.isFinite(control) || !mine.length || !others.length)
    return undefined;
  const matters = canary > control && (measure.worse(canary, control) || measure.hold(canary, control));
  return { metric: measure.metric, canary, control, p: matters ? probability(mine, others, random) : 1 };
}

// The observed division counts as one of those tried, so p is never 0 (Phipson and Smyth 2010).
function probability(mine: number[], others: number[], random: () => number): number {
  const share = permutationTest(mine, others, 'greater', permutations, random);
  return (share * permutations + 1) / (permutations + 1);
}

function verdictOf(measure: Measure, { canary, control, p }: Tested, significance: number): Verdict {
  if (p > significance) return 'alike';
  if (measure.worse(canary, control)) return 'worse';
  return measure.hold(canary, control) ? 'hold' : 'alike';
}

function classesOf({ canary, control }: Pair): Judgement['classes'] {
  const per = (group: GroupCounts, name: string) => (group.errors[name] ?? 0) / Math.max(attempts(group), 1);
  return Object.keys(canary.errors)
    .map((name) => ({ class: name, canary: per(canary, name), control: per(control, name) }))
    .sort((a, b) => b.canary - a.canary);
}
