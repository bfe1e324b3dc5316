// Symptom: what a rule of the diagnosis states, and what rules look at.

import type { ConnectionInfo, Counters, NetDevice } from '../native/addon.ts';
import type { ScrubStatus } from '../store/scrubber.ts';
import type { GuardStatus } from './guard.ts';
import type { RolloutView } from './rollout.ts';

export interface Symptom {
  /**
   * A: kernel TLS is on without a gain. B: failures on long sessions. C: unstable offload to network
   * devices. D: uploads and content, E: the server itself, whether or not kernel TLS is used.
   */
  family: 'A' | 'B' | 'C' | 'D' | 'E';
  /** Stable name that alerts can match, for example `handshake-bound`. */
  name: string;
  /** The observation with its numbers. */
  seen: string;
  cause: string;
  remedy: string;
}

export interface Observations {
  /** Counters of the window. */
  counts: Counters;
  rollout: RolloutView;
  guard: Pick<GuardStatus, 'comparisons'>;
  /** Counts of the kernel (/proc/net/tls_stat) and of network devices since the server began. */
  kernel: Record<string, number>;
  devices: NetDevice[];
  connections: ConnectionInfo[];
  /** Number of files in the store's quarantine. */
  quarantined: number;
  /** Totals of the newest sample, for what is a state and no count. */
  totals: Counters;
  /** Why the server should get no traffic, as /readyz says it; empty while it is ready. */
  unready: string[];
  /** Bytes of the store's file system; absent where it does not say. */
  space?: { freeBytes: number; bytes: number } | undefined;
  /** Publishing points, with what has come to each since the start (sites/publishing_points.ts). */
  points?: readonly { name: string; totals: Record<string, number> }[] | undefined;
  /** Absent where it is off. */
  scrub?: ScrubStatus | undefined;
}

/** The symptom, when what is seen matches. */
export type Rule = (seen: Observations) => Symptom | undefined;

export const percent = (part: number, all: number) => `${((part / all) * 100).toFixed(0)} %`;
