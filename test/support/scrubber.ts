// A scrubber of a test's store, by a clock that the test sets, and what it tells.

import { rm } from 'node:fs/promises';
import type { Finding } from '../../src/store/scrub_pass.ts';
import { Scrubber, type ScrubberOptions } from '../../src/store/scrubber.ts';
import { TestClock } from './clock.ts';
import type { TestStore } from './store.ts';
import { until } from './wait.ts';

export const day = 86_400_000;
export const month = 30 * day;

export interface Scrub {
  scrubber: Scrubber;
  clock: TestClock;
  told: Finding[];
  troubles: string[];
  close(): Promise<void>;
}

/** Started. @param goesOn where an earlier one was; else from before any pass. */
export async function startScrub(
  { root, store }: Pick<TestStore, 'root' | 'store'>,
  given: Partial<ScrubberOptions> = {},
  goesOn = false,
): Promise<Scrub> {
  if (!goesOn) await rm(`${root}/scrub.json`, { force: true });
  const clock = new TestClock();
  const told: Finding[] = [];
  const troubles: string[] = [];
  const scrubber = new Scrubber({
    store,
    period: month,
    bytesPerSecond: 2 ** 20,
    clock,
    doubt: (digest) => store.prove(digest, 'disk'),
    mend: async (digest) => void (await store.prove(digest, 'mode')),
    away: async () => undefined,
    onFinding: (finding) => told.push(finding),
    onTrouble: (said) => troubles.push(said),
    ...given,
  });
  scrubber.start();
  return { scrubber, clock, told, troubles, close: () => scrubber.close() };
}

/** Lets a day pass, and waits for the end of the pass that ends in it. Resolves with what was found. */
export async function passOf({ scrubber, clock }: Scrub, milliseconds = day) {
  const before = scrubber.status().last?.ended;
  clock.advance(milliseconds);
  await until(
    () => scrubber.status().last?.ended,
    (ended) => ended !== before,
    'a pass ends',
  );
  return scrubber.status().last?.found;
}
