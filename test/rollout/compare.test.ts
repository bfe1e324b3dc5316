// compare() finds what is worse in the canary, and nothing when the groups differ only by chance. The counts
// are generated from known distributions; test/ktls compares real ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardSchema } from '../../src/config/rollout.ts';
import { compare, type Judgement, type Metric } from '../../src/rollout/compare.ts';
import type { Interval } from '../../src/rollout/samples.ts';
import { seeded } from '../support/random.ts';

const policy = guardSchema.parse({});

interface Behaviour {
  errorShare: number;
  /** Share of responses that clients reset, in both groups. */
  resetShare: number;
  cutShare: number;
  /** Longest completion time in microseconds; the times are uniformly distributed. */
  completion: number;
  cpuPerByte: number;
}
const usual: Behaviour = {
  errorShare: 0.001,
  resetShare: 0,
  cutShare: 0.0005,
  completion: 50_000,
  cpuPerByte: 1e-9,
};

function countsOf(
  group: string,
  { errorShare, resetShare, cutShare, completion, cpuPerByte }: Behaviour,
  random: () => number,
) {
  const counts: Record<string, number> = {};
  const add = (name: string, value = 1) => {
    counts[name] = (counts[name] ?? 0) + value;
  };
  for (let response = 0; response < 500; response += 1) {
    if (random() < cutShare) add(`movable_cut.${group}/server`);
    else add(`movable_responses.${group}`);
    if (random() < errorShare) add(`movable_errors.${group}/server/bad-record-mac`);
    if (random() < resetShare) add(`movable_errors.${group}/client/reset`);
    const took = random() * completion;
    add(`movable_completion.${group}/${2 ** Math.ceil(Math.log2(took)) - 1}`);
    add(`movable_first_byte.${group}/255`);
    add(`movable_bytes.${group}`, 100_000);
    add(`movable_cpu.${group}`, 100_000 * cpuPerByte * 1e9 * (0.5 + random()));
  }
  return counts;
}

function judge(
  canary: Partial<Behaviour>,
  intervals = 30,
  seed = 1,
  control: Partial<Behaviour> = {},
): Judgement {
  const random = seeded(seed);
  const window: Interval[] = Array.from({ length: intervals }, (_, index) => ({
    at: index * 2000,
    seconds: 2,
    counts: {
      ...countsOf('canary', { ...usual, ...canary }, random),
      ...countsOf('control', { ...usual, ...control }, random),
    },
  }));
  return compare(window, policy, random);
}

const verdictOn = (judgement: Judgement, metric: Metric) =>
  judgement.comparisons.find((each) => each.metric === metric)?.verdict;

test('equal groups: verdict alike, in at least 51 of 60 runs', () => {
  const verdicts = Array.from({ length: 60 }, (_, seed) => judge({}, 30, seed + 1).verdict);
  assert.ok(!verdicts.includes('worse'));
  const wrong = verdicts.filter((verdict) => verdict === 'hold').length;
  // With five metrics at a level of 0.01, three of 60 runs are expected to differ by chance.
  assert.ok(wrong <= 9, `${wrong} of 60`);
});

test('CPU without samples in one group is not compared', () => {
  const judgement = judge({}, 30, 1, { cpuPerByte: 0 });
  assert.equal(verdictOn(judgement, 'cpu-per-byte'), undefined);
  assert.equal(judgement.verdict, 'alike');
});

test('more errors in the canary: verdict worse, with the error class', () => {
  const judgement = judge({ errorShare: 0.03 });
  assert.equal(judgement.verdict, 'worse');
  assert.equal(verdictOn(judgement, 'errors'), 'worse');
  assert.equal(judgement.classes[0]?.class, 'bad-record-mac');
  assert.equal(verdictOn(judgement, 'cpu-per-byte'), 'alike');
});

test('one more frequent error class: verdict worse, despite many other errors', () => {
  const random = seeded(3);
  const window = Array.from({ length: 30 }, (_, index) => ({
    at: index,
    seconds: 2,
    counts: {
      ...countsOf('canary', { ...usual, errorShare: 0.012, resetShare: 0.3 }, random),
      ...countsOf('control', { ...usual, resetShare: 0.3 }, random),
    },
  }));
  const judgement = compare(window, policy, random);
  assert.equal(verdictOn(judgement, 'errors.bad-record-mac'), 'worse');
});

test('slightly more errors in the canary: verdict hold', () => {
  assert.equal(verdictOn(judge({ errorShare: 0.0045 }, 100), 'errors'), 'hold');
});

test('more cut responses in the canary: verdict worse', () => {
  assert.equal(verdictOn(judge({ cutShare: 0.02 }), 'cut'), 'worse');
});

test('a slower tail in the canary: verdict worse', () => {
  const judgement = judge({ completion: 200_000 });
  assert.equal(verdictOn(judgement, 'completion-p99'), 'worse');
  assert.equal(verdictOn(judgement, 'first-byte-p99'), 'alike');
});

test('CPU per byte: verdict worse from the limit on, hold below it', () => {
  assert.equal(verdictOn(judge({ cpuPerByte: 2e-9 }), 'cpu-per-byte'), 'worse');
  assert.equal(verdictOn(judge({ cpuPerByte: 1.25e-9 }), 'cpu-per-byte'), 'hold');
});

test('an improved canary: verdict alike', () => {
  assert.equal(judge({ errorShare: 0, cutShare: 0, completion: 10_000, cpuPerByte: 5e-10 }).verdict, 'alike');
});

test('too few intervals, or a group without traffic: verdict insufficient', () => {
  assert.equal(judge({ errorShare: 0.5 }, policy.minIntervals - 1).verdict, 'insufficient');
  const lonely = Array.from({ length: 30 }, (_, index) => ({
    at: index,
    seconds: 2,
    counts: countsOf('canary', { ...usual, errorShare: 0.5 }, seeded(1)),
  }));
  assert.equal(compare(lonely, policy).verdict, 'insufficient');
});

test('one burst of errors in a long window: no verdict worse', () => {
  const random = seeded(7);
  const window = Array.from({ length: 30 }, (_, index) => ({
    at: index,
    seconds: 2,
    counts: {
      ...countsOf('canary', { ...usual, errorShare: index === 4 ? 0.3 : 0.001 }, random),
      ...countsOf('control', usual, random),
    },
  }));
  assert.notEqual(compare(window, policy, random).verdict, 'worse');
});
