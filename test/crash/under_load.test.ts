// A program that writes, deletes, imports, collects and scrubs at the same time, for ever, is killed at a
// call that is drawn at random, and another goes on with the same store: all that was ever acknowledged is
// there.
// COUNT says how often, MINUTES for how long at most, and SEED by what is drawn.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import { Expected } from '../faults/marks.ts';
import { makeFormat1 } from '../support/format_1.ts';
import { seeded } from '../support/random.ts';
import { callOf, faultsOf, tableOf } from './table.ts';
import { type Death, type Lane, lanes, Victims } from './victims.ts';

const count = Number(process.env.COUNT ?? 80);
const minutes = Number(process.env.MINUTES ?? Number.POSITIVE_INFINITY);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
/** Deaths that one store goes through. */
const deathsOfAStore = 100;
/** One death in so many is that of a program that upgrades the store first. */
const upgradeEach = 40;
/** Calls that most programs, and a few of them, make at most before they die. */
const fewCalls = 300;
const manyCalls = 3000;

const victims = await Victims.make();
after(() => victims.remove());

async function afresh(lane: Lane): Promise<void> {
  await rm(lane.root, { recursive: true, force: true });
  lane.expected = new Expected();
}

async function deathsIn(lane: Lane, count: number, random: () => number): Promise<Death[]> {
  const deaths: Death[] = [];
  const end = performance.now() + minutes * 60_000;
  for (let i = 0; i < count && performance.now() < end; i++) {
    if (i % deathsOfAStore === 0 || deaths.at(-1)?.fault) await afresh(lane);
    else if (random() < 1 / upgradeEach) await makeFormat1(lane.root);
    const calls = random() < 0.05 ? manyCalls : fewCalls;
    const step = {
      number: 1 + Math.floor(random() * calls),
      error: random() < 0.5 ? ('kill' as const) : ('kill in it' as const),
    };
    const death = await lane.die(step, ['load', String(Math.floor(random() * 2 ** 31))]);
    assert.ok(death.hit, 'it died');
    deaths.push(death);
    if (deaths.length % 500 === 0) console.error(`${deaths.length} deaths`);
  }
  return deaths;
}

test(`up to ${count} kills under load lose nothing, with seed ${seed}`, async (t) => {
  const deaths = await victims.inLanes((lane, number) =>
    deathsIn(lane, Math.floor((count + number) / lanes), seeded(seed * lanes + number)),
  );
  t.diagnostic?.(tableOf(deaths, 'died at', callOf));
  t.diagnostic?.(tableOf(deaths, 'all', () => 'kills under load'));
  assert.ok(deaths.length === count || minutes < Number.POSITIVE_INFINITY, `${deaths.length} of ${count}`);
  assert.deepEqual(faultsOf(deaths), []);
});
