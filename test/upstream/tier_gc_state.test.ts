// How a round of collection begins where others begin one at the same time: the store here has one object,
// and keeps to conditions on it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginRound } from '../../src/upstream/tier_gc_state.ts';
import type { Answered } from '../../src/upstream/tier_marks.ts';
import type { Asked } from '../../src/upstream/upstream.ts';

class Store {
  text: string | undefined;
  #version = 0;
  modified = 0;
  /** What happens before a PUT is carried out. */
  before: () => void = () => {};
  /** Whether the answer to the next PUT is lost, and it is sent again. */
  losesNext = false;
  puts = 0;

  write(graceSeconds: number): void {
    this.#set(JSON.stringify({ format: 1, graceSeconds, stamp: crypto.randomUUID() }));
  }

  get grace(): number {
    return JSON.parse(this.text ?? '{}').graceSeconds;
  }

  readonly send = async (asked: Asked): Promise<Answered> => {
    if (asked.method === 'GET') return this.#answer(this.text === undefined ? 404 : 200);
    this.puts++;
    this.before();
    const first = this.#put(asked);
    if (!this.losesNext) return this.#answer(first);
    this.losesNext = false;
    return this.#answer(this.#put(asked));
  };

  #put({ fields, body }: Asked): number {
    const isThere = this.text !== undefined;
    const holds = fields['if-none-match'] === '*' ? !isThere : fields['if-match'] === `e${this.#version}`;
    if (!holds) return 412;
    this.#set(body && 'text' in body ? body.text : '');
    return 200;
  }

  #set(text: string): void {
    this.text = text;
    this.#version++;
    this.modified = Date.now();
  }

  #answer(status: number): Answered {
    const is = { status, text: this.text ?? '', etag: `"e${this.#version}"`, modified: this.modified };
    return { kind: 'answered', ...is, date: Date.now(), bytes: 0, attempts: 1 };
  }
}

/** A store with this grace time, of which another round writes the state before the next PUT. */
function contested(graceSeconds: number, times = 1, by = graceSeconds): Store {
  const store = new Store();
  store.write(graceSeconds);
  let left = times;
  store.before = () => {
    if (left-- > 0) store.write(by);
  };
  return store;
}

test('a grace time is recorded also where another round was first with the state', async () => {
  const store = contested(8);
  const begun = await beginRound(store.send, { graceSeconds: 9, dryRun: false, changesGrace: true });
  assert.deepEqual([begun.isOther, store.grace, store.puts], [false, 9, 2]);
});

test('a round does not go on with a grace time that another one has changed meanwhile', async () => {
  const store = contested(8, 1, 9);
  await assert.rejects(beginRound(store.send, { graceSeconds: 8, dryRun: false }), /this store is 9 s/);
  assert.equal(store.grace, 9);
});

test('the first two rounds of a store with two grace times: one of them is refused', async () => {
  const store = new Store();
  store.before = () => {
    store.before = () => {};
    store.write(9);
  };
  await assert.rejects(beginRound(store.send, { graceSeconds: 8, dryRun: false }), /this store is 9 s/);
});

test('a state that others write each time is an error that says so', async () => {
  const store = contested(8, 1000);
  const why = /PUT gc\/state: others wrote it 8 times meanwhile/;
  await assert.rejects(beginRound(store.send, { graceSeconds: 8, dryRun: false }), why);
});

test('a server makes no round where another was first', async () => {
  const store = contested(8);
  store.modified = 1;
  const begun = await beginRound(store.send, { graceSeconds: 8, dryRun: false, unlessWithin: 60 });
  assert.deepEqual([begun.isOther, store.puts], [true, 1]);
});

test('a write whose answer was lost is known by its stamp, and the round is made', async () => {
  for (const unlessWithin of [0, 60]) {
    const store = new Store();
    store.losesNext = true;
    const begun = await beginRound(store.send, { graceSeconds: 8, dryRun: false, unlessWithin });
    assert.deepEqual([begun.isOther, store.puts, store.grace], [false, 1, 8]);
  }
});

test('--dry-run writes nothing', async () => {
  const store = new Store();
  await beginRound(store.send, { graceSeconds: 8, dryRun: true });
  store.write(8);
  await beginRound(store.send, { graceSeconds: 8, dryRun: true });
  assert.equal(store.puts, 0);
});
