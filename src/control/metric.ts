// Metric: what the exposition says of a counter.

/** A counter or gauge. The name ends in the unit; prom-client adds `_total` to counters. */
export interface EngineMetric {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  /** Label names. Engine counters `key.value` become one metric with one label, `key.a/b` one with two. */
  labels: string[];
  /** Factor from the engine's unit to the metric's unit. */
  scale: number;
}

export const counter = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  name: `sealgate_${name}`,
  help,
  type: 'counter',
  labels,
  scale: 1,
});
/** From the engine's unit of times to seconds. */
export const nanoseconds = 1e-9;
export const gauge = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  ...counter(name, help, ...labels),
  type: 'gauge',
});
