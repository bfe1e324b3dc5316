// Measurement: rounds of work by several servers in turn, so that other load on the machine affects all
// alike. A figure is the median of its rounds.

import { cpuTimes, cpuUse } from './cpu.ts';
import type { Work } from './load.ts';
import { median, type Row } from './results.ts';
import { GiB } from './site.ts';

/**
 * If a server had work for less than this share of the time it was not the bottleneck, and its cost is not
 * reported, because a waiting server wakes up more often and does less each time.
 */
export const leastBusy = 0.85;

/** A server with the client that keeps it busy. */
export interface Contender {
  name: string;
  pid(): number;
  /** What has to be done first, and is not measured. */
  before?(): Promise<void>;
  run(): Promise<Pick<Work, 'requests'> & Partial<Work>>;
}

export interface Sample {
  /** Nanoseconds of CPU time of all threads, and of the thread that ran longest. */
  ran: number;
  longest: number;
  wall: number;
  busy: number;
  work: Pick<Work, 'requests'> & Partial<Work>;
}

export interface Measured {
  contender: Contender;
  samples: Sample[];
  /** The reason when there are no samples. */
  fault?: string;
}

/**
 * Runs one round more than requested; the first is a warm-up and not counted. A contender that fails is
 * dropped.
 */
export async function interleave(
  contenders: Contender[],
  rounds: number,
  onRound: (round: number) => void,
): Promise<Measured[]> {
  const all: Measured[] = contenders.map((contender) => ({ contender, samples: [] }));
  for (let round = 0; round <= rounds; round += 1) {
    onRound(round);
    for (const measured of all.filter(({ fault }) => fault === undefined)) {
      try {
        await measured.contender.before?.();
        const sample = await measure(measured.contender);
        if (round > 0) measured.samples.push(sample);
      } catch (error) {
        measured.fault = `not measured: ${(error as Error).message.split('\n')[0]}`;
      }
    }
  }
  return all;
}

async function measure({ pid, run }: Contender): Promise<Sample> {
  const before = cpuTimes(pid());
  const start = process.hrtime.bigint();
  const work = await run();
  const wall = Number(process.hrtime.bigint() - start);
  const { ran, longest, occupied } = cpuUse(before, cpuTimes(pid()));
  return { ran, longest, wall, busy: Math.min(occupied / wall, 1), work };
}

/** Units of cost: the name, and its length in nanoseconds of CPU time. */
export const perRequest = { name: 'µs/request', scale: 1e3 };
/** For scenarios in which a request is for 1 GiB. */
export const perGiB = { name: 's/GiB', scale: 1e9 };

/**
 * Server CPU time per request. With `saturated`, rounds in which the server idled do not count; when those
 * are half of the rounds or more there is no value.
 */
export function costRow(
  scenario: string,
  { contender: { name: server }, samples, fault }: Measured,
  {
    saturated = true,
    unit = perRequest,
  }: { saturated?: boolean; unit?: { name: string; scale: number } } = {},
): Row {
  const row: Row = { scenario, server, unit: unit.name };
  if (fault !== undefined) return { ...row, why: fault };
  const busy = median(samples.map((sample) => sample.busy));
  const counted = samples.filter((sample) => !saturated || sample.busy >= leastBusy);
  if (counted.length * 2 <= samples.length) {
    const waited = `in ${samples.length - counted.length} of ${samples.length} rounds`;
    const share = `${(Math.min(...samples.map((sample) => sample.busy)) * 100).toFixed(0)} %`;
    return {
      ...row,
      busy,
      why: `not reported: it waited for its client ${waited}, busy for ${share} at least`,
    };
  }
  const costs = counted.map(({ ran, work }) => ran / work.requests / unit.scale);
  const cost = { value: median(costs), least: Math.min(...costs), most: Math.max(...costs) };
  return { ...row, ...cost, rounds: counted.length, busy, ...rates(counted) };
}

function rates(samples: Sample[]): Partial<Row> {
  const of = (figure: (sample: Sample) => number) => median(samples.map(figure));
  const perSecond = of(({ work, wall }) => (work.requests / wall) * 1e9);
  const first = samples[0]?.work;
  return {
    perSecond,
    ...(first?.bytes && { perGiB: of(({ ran, work }) => (ran / 1e9 / (work.bytes ?? 0)) * GiB) }),
    ...(first?.p99 && { p99: of(({ work }) => (work.p99 ?? 0) / 1e3) }),
  };
}
