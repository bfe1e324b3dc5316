// The guard with made-up counts: it does not roll back equal groups, it rolls back a canary that is worse in
// movable connections, and it takes no step while the kernel carries no traffic.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { guardSchema, type RolloutChange, rolloutSchema } from '../../../src/config/rollout.ts';
import type { Counters } from '../../../src/native/addon.ts';
import { Guard } from '../../../src/rollout/guard.ts';
import type { Rollout } from '../../../src/rollout/rollout.ts';
import { type Interval, type Samples, sumOf } from '../../../src/rollout/samples.ts';
import { seeded } from '../../support/random.ts';

const quiet = pino({ level: 'silent' });

type Group = 'canary' | 'control';
/** The counts of a group in one interval. */
type Behaviour = (group: Group, random: () => number) => Counters;

/** A guard with a simulated clock and generated samples. */
class World {
  now = 1_000_000;
  readonly changes: { change: RolloutChange; why: string }[] = [];
  readonly guard: Guard;
  readonly #random: () => number;
  readonly #intervals: Interval[] = [];
  #total: Counters = {};

  constructor(seed: number, settings: object = {}) {
    const random = seeded(seed);
    this.#random = random;
    const policy = guardSchema.parse(settings);
    const state = rolloutSchema.parse({ phase: 'tx-canary', percent: 20 });
    const rollout = {
      state,
      changedAt: this.now,
      coolDownUntil: 0,
      change: async (change: RolloutChange, { why }: { why: string }) => {
        Object.assign(state, change);
        rollout.changedAt = this.now;
        this.changes.push({ change, why });
      },
      rollBack: async ({ why }: { why: string }) => {
        rollout.changedAt = this.now;
        this.changes.push({ change: { phase: 'instrument' }, why });
      },
    };
    const samples = {
      intervals: (since: number) => this.#intervals.filter(({ at, seconds }) => at - seconds * 1000 >= since),
      sinceChange: () => ({ seconds: 0, counts: this.#total }),
    };
    this.guard = new Guard({
      policy,
      samples: samples as unknown as Samples,
      rollout: rollout as unknown as Rollout,
      log: quiet,
      now: () => this.now,
      random,
    });
  }

  async run(intervals: number, behave: Behaviour): Promise<void> {
    for (let done = 0; done < intervals; done += 1) {
      this.now += 2000;
      const counts = { ...behave('canary', this.#random), ...behave('control', this.#random) };
      this.#intervals.push({ at: this.now, seconds: 2, counts });
      if (this.#intervals.length > 100) this.#intervals.shift();
      this.#total = sumOf([{ counts: this.#total }, { counts }]);
      await this.guard.look();
    }
  }

  rollbacks(): string[] {
    return this.changes.filter(({ change }) => change.phase === 'instrument').map(({ why }) => why);
  }
}

interface Mix {
  responses: number;
  /** Shares of responses that end because the client left, or by an error of the server. */
  leaves: number;
  errors: number;
  cpuPerByte: number;
}
const usual: Mix = { responses: 60, leaves: 0.02, errors: 0.001, cpuPerByte: 1e-9 };

/** Traffic with long-tailed sizes and times, and sampled CPU, as on a real server. */
function traffic(of: Record<Group, Partial<Mix>>): Behaviour {
  return (group, random) => {
    const { responses, leaves, errors, cpuPerByte } = { ...usual, ...of[group] };
    const counts: Counters = {};
    const add = (name: string, value = 1) => {
      counts[name] = (counts[name] ?? 0) + value;
    };
    for (let each = 0; each < responses * (0.7 + 0.6 * random()); each += 1) {
      if (random() < leaves) {
        add(`movable_cut.${group}/client`);
        add(`movable_errors.${group}/client/reset`);
      } else add(`movable_responses.${group}`);
      if (random() < errors) add(`movable_errors.${group}/server/bad-record-mac`);
      const took = 2 ** Math.floor(10 + 8 * random() ** 3);
      add(`movable_completion.${group}/${took}`);
      add(`movable_first_byte.${group}/${Math.ceil(took / 16)}`);
      const size = 65_536 / (0.02 + random());
      add(`movable_bytes.${group}`, size);
      if (random() < 1 / 32) add(`movable_cpu.${group}`, 32 * size * cpuPerByte * 1e9 * (0.5 + random()));
    }
    return counts;
  };
}

test('equal groups whose clients often leave: no rollback', async () => {
  let rollbacks = 0;
  // 12 runs of ten simulated minutes each.
  for (let seed = 1; seed <= 12; seed += 1) {
    const world = new World(seed);
    await world.run(300, traffic({ canary: {}, control: {} }));
    rollbacks += world.rollbacks().length;
  }
  assert.equal(rollbacks, 0);
});

test('client resets only in the canary: no rollback', async () => {
  const world = new World(1);
  await world.run(200, traffic({ canary: { leaves: 0.3 }, control: { leaves: 0 } }));
  assert.deepEqual(world.rollbacks(), []);
});

test('server errors only in the canary: rollback within a minute', async () => {
  const world = new World(1);
  await world.run(100, traffic({ canary: {}, control: {} }));
  await world.run(30, traffic({ canary: { errors: 0.05 }, control: {} }));
  const [why = ''] = world.rollbacks();
  assert.match(why, /^errors: canary 0\.\d+ a response, control 0\.\d+ a response, p 0\.\d+/);
});

test('twice the CPU per byte in the canary: rollback', async () => {
  const world = new World(1);
  const dear = traffic({ canary: { cpuPerByte: 2e-9, responses: 400 }, control: { responses: 400 } });
  await world.run(150, dear);
  assert.match(world.rollbacks()[0] ?? '', /^cpu-per-byte/);
});

test('connections without a movable transfer are not compared', async () => {
  const world = new World(1, { steps: [100], stepSeconds: 10 });
  const behave = traffic({ canary: { errors: 0.5 }, control: {} });
  const short: Behaviour = (group, random) =>
    Object.fromEntries(
      Object.entries(behave(group, random)).map(([name, value]) => [name.replace('movable', 'group'), value]),
    );
  await world.run(200, short);
  assert.deepEqual(world.changes, []);
  assert.equal(world.guard.status().verdict, 'insufficient');
});

test('a step waits until enough traffic has moved, and status() lists what is missing', async () => {
  const world = new World(1, { steps: [50, 100], stepSeconds: 10 });
  const even = traffic({ canary: { errors: 0 }, control: { errors: 0 } });
  await world.run(100, even);
  assert.equal(world.changes.length, 0);
  assert.deepEqual(world.guard.status().step, {
    next: 50,
    waitsFor: [
      '100 connections of the canary in the kernel since the last change (now 0)',
      '67108864 bytes of the canary by the kernel (now 0)',
    ],
  });
  const moving: Behaviour = (group, random) => ({
    ...even(group, random),
    ...(group === 'canary' && { 'group_moved.canary': 10, 'group_kernel_bytes.canary': 10_000_000 }),
  });
  await world.run(15, moving);
  assert.equal(world.changes[0]?.change.percent, 50);
  assert.match(
    world.changes[0]?.why ?? '',
    /alike for \d+ s, 1\d\d connections with \d+ bytes in the kernel/,
  );
});
