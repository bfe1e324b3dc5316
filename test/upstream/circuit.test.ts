// The circuit of an upstream, by a clock of the test's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Circuit } from '../../src/upstream/circuit.ts';

function failing(times: number) {
  const clock = { now: 0 };
  const circuit = new Circuit(() => clock.now);
  for (let time = 0; time < times; time++) {
    assert.equal(circuit.enter(), 0);
    circuit.failed();
  }
  return { clock, circuit };
}

test('five failures in a row open it for a second, and then one request is let through', () => {
  const { clock, circuit } = failing(5);
  assert.equal(circuit.isOpen, true);
  assert.equal(circuit.enter(), 1000);
  clock.now = 1000;
  assert.equal(circuit.enter(), 0);
  assert.ok(circuit.enter() > 0, 'only one at a time');
});

test('of sixteen under way that fail five open it, and the rest do not make the pause longer', () => {
  const clock = { now: 0 };
  const circuit = new Circuit(() => clock.now);
  for (let each = 0; each < 16; each++) assert.equal(circuit.enter(), 0);
  const opened = Array.from({ length: 16 }, () => circuit.failed());
  assert.deepEqual([opened.filter(Boolean).length, opened.indexOf(true)], [1, 4]);
  assert.equal(circuit.enter(), 1000);
});

test('four failures and a success leave it closed', () => {
  const { circuit } = failing(4);
  circuit.succeeded();
  circuit.failed();
  assert.deepEqual([circuit.isOpen, circuit.enter()], [false, 0]);
});

test('a trial that fails doubles the pause, up to a minute; one that succeeds closes it', () => {
  const { clock, circuit } = failing(5);
  const pauses: number[] = [];
  for (let trial = 0; trial < 8; trial++) {
    const pause = circuit.enter();
    pauses.push(pause);
    clock.now += pause;
    assert.equal(circuit.enter(), 0);
    circuit.failed();
  }
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  clock.now += 60_000;
  circuit.enter();
  circuit.succeeded();
  assert.deepEqual([circuit.isOpen, circuit.enter(), circuit.enter()], [false, 0, 0]);
});

test('a trial that says nothing of the upstream lets the next one through', () => {
  const { clock, circuit } = failing(5);
  clock.now = 1000;
  circuit.enter();
  circuit.leave();
  assert.equal(circuit.enter(), 0);
});
