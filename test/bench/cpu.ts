// CPU time of a process and its descendants, from the scheduler's accounting (proc(5), schedstat).

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds since the thread started. */
interface ThreadTime {
  ran: number;
  /** Time in which the thread was runnable but another one had the core. */
  waited: number;
}

/** The live threads of the process and its descendants, by thread id. */
export type CpuTimes = Map<string, ThreadTime>;

/** Nanoseconds. */
export interface CpuUse {
  /** Time that all threads ran. */
  ran: number;
  /** Time of the thread that ran longest. */
  longest: number;
  /**
   * Time in which at least one thread ran or was runnable. If it equals the wall time, the process never
   * idled.
   */
  occupied: number;
}

export function cpuTimes(pid: number): CpuTimes {
  const times: CpuTimes = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    const [ran, waited] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ').map(Number);
    times.set(thread, { ran: ran ?? 0, waited: waited ?? 0 });
    for (const child of readFileSync(`${folder}/children`, 'utf8').split(' ').filter(Boolean)) {
      for (const [id, time] of cpuTimes(Number(child))) times.set(id, time);
    }
  }
  return times;
}

export function cpuUse(before: CpuTimes, after: CpuTimes): CpuUse {
  const use: CpuUse = { ran: 0, longest: 0, occupied: 0 };
  for (const [thread, time] of after) {
    const { ran, waited } = before.get(thread) ?? { ran: 0, waited: 0 };
    use.ran += time.ran - ran;
    use.longest = Math.max(use.longest, time.ran - ran);
    use.occupied = Math.max(use.occupied, time.ran - ran + time.waited - waited);
  }
  // Threads that alternate on one core occupy it together.
  use.occupied = Math.max(use.occupied, use.ran);
  return use;
}
