// Answers whose bytes an upstream has sent just now, though they are whole: what is looked at before anybody
// gets it. Clients need not know; a command that fetches ahead tells it from what was here before.

import type { Answer } from '../../engine/plan.ts';

/** A site dresses copies of answers, which have it, too; and the engine reads no symbols. */
const isFetched = Symbol('fetched');

export function fetchedNow(answer: Answer): Answer {
  return Object.assign({ ...answer }, { [isFetched]: true });
}

export function isFetchedNow(answer: Answer): boolean {
  return isFetched in answer;
}
