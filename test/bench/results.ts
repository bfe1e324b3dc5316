// Row: one figure of the benchmark with its context.

/** One server, or one variant of it, in one scenario. */
export interface Row {
  scenario: string;
  server: string;
  unit: string;
  /** Median of the rounds; absent when there is none. */
  value?: number;
  /** Why there is no value. */
  why?: string;
  least?: number;
  most?: number;
  rounds?: number;
  /** Share of the time in which the server had work; 1: the server was the bottleneck. */
  busy?: number;
  /** Seconds of server CPU. */
  perGiB?: number;
  /** Responses per second of wall time. */
  perSecond?: number;
  /** 99th percentile of the response time, milliseconds. */
  p99?: number;
}

export interface Verdict {
  scenario: string;
  /** The bar in words. */
  bar: string;
  verdict: 'reached' | 'missed' | 'not measured';
  /** The ratio or value that is compared with the bar. */
  measured?: number;
}

export interface Results {
  measured: string;
  command: string;
  host: { kernel: string; processor: string; cores: number; memoryGiB: number };
  settings: { rounds: number; seconds: number };
  rows: Row[];
  verdicts: Verdict[];
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [below, above] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
}

/** A row of values, one per round. */
export function rowOfValues(scenario: string, server: string, unit: string, values: number[]): Row {
  const range = { least: Math.min(...values), most: Math.max(...values), rounds: values.length };
  return { scenario, server, unit, value: median(values), ...range };
}
