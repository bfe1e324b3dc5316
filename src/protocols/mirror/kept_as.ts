// Kept as: what a kind knows of an object by its name alone. Operators are told by it until when it is fresh,
// and whether an upstream has something else by now.

import type { Source } from './filling.ts';
import type { Mirror, Ruled } from './mirror.ts';

export interface KeptAs {
  /** What counts where no rule of the site does; absent: the fields of the upstream. */
  rule?: Ruled | undefined;
  /** Where an upstream has it, if not where its name says. */
  source?: Source | undefined;
  /** Why it cannot have changed, so that nobody has to be asked. */
  proof?: string;
}

/** @param name what an upstream is asked for. */
export type KeptAsOf = (mirror: Mirror, name: string) => KeptAs;

export const byItsName = 'its name says its digest';
