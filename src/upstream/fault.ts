// Why a fetch failed.

import type { FetchFault } from './fetching.ts';

type Further = Partial<Pick<Fault, 'passes' | 'after' | 'challenge' | 'denied'>>;

export class Fault extends Error {
  readonly fault: FetchFault;
  /** Whether it may go well when it is tried again. */
  readonly passes: boolean;
  /** Milliseconds after which the upstream wants to be asked again. */
  readonly after: number;
  /** How the upstream wants to know who asks. */
  readonly challenge: string | undefined;
  /** Whether it knows who asks, and shows them nothing. */
  readonly denied: boolean;

  constructor(fault: FetchFault, message: string, further: Further = {}) {
    super(message);
    const { passes = false, after = 0, challenge, denied = false } = further;
    this.denied = denied;
    this.challenge = challenge;
    this.fault = fault;
    this.passes = passes;
    this.after = after;
  }
}

/** What the runtime says of a connection. */
export function unreachable(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new Fault('unreachable', message || String(code), { passes: true });
}
