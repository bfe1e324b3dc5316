// A Go module proxy: what belongs to a version never changes; which versions there are does.

import type { KeptAsOf } from './kept_as.ts';
import type { Ruled } from './mirror.ts';
import { byNames, freshFor, lasting } from './named.ts';

/** Seconds. */
const seconds = 60;

export const go = byNames((_, name) => ruleOf(name));

export const keptInGo: KeptAsOf = (_, name) => ({ rule: ruleOf(name) });

function ruleOf(name: string): Ruled | undefined {
  // A branch has an .info too, which tells of its newest version.
  if (/\/@v\/v\d+\.\d+\.\d+(?:[-+][^/]*)?\.(?:info|mod|zip)$/.test(name)) return lasting;
  return /\/@v\/list$|\/@latest$|\/@v\/[^/]+\.info$/.test(name) ? freshFor(seconds) : undefined;
}
