// TimeToLive: how long the newest version of a name lives in a bucket that says so, counted from when it was
// written. After that the name is as if it were deleted, for whoever asks, also before collection says so on
// record.

import type { Dates } from '../dates.ts';
import type { RefRecord } from './listing.ts';

/** Most seconds that a bucket may say: 100 years. */
export const mostTimeToLive = 100 * 366 * 86_400;

/** How versions are read. */
export interface Reading {
  /** What HTTP tells as the date of a version. */
  dates: Dates;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Seconds; undefined: the names of the bucket live for ever. */
  timeToLiveOf(bucket: string): number | undefined;
}

/** When a version that is the newest ends, in milliseconds since the epoch; undefined: it does not. */
export function endOf(value: RefRecord, timeToLive: number | undefined): number | undefined {
  return timeToLive === undefined || 'deleted' in value ? undefined : value.created + timeToLive * 1000;
}

const units = [
  ['d', 'day', 86_400],
  ['h', 'hour', 3600],
  ['m', 'minute', 60],
  ['s', 'second', 1],
] as const;

/** The seconds that a text like `7d`, `12h`, `30m` or `90s` says; undefined: it says none that may be. */
export function timeToLiveIn(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,10})([dhms])$/.exec(text) ?? [];
  const seconds = Number(number) * (units.find(([short]) => short === unit)?.[2] ?? Number.NaN);
  return seconds >= 1 && seconds <= mostTimeToLive ? seconds : undefined;
}

/** In the largest unit that is exact. */
export function timeToLiveText(seconds: number): string {
  const [, name, its] = units.find(([, , each]) => seconds % each === 0) ?? ['s', 'second', 1];
  const number = seconds / its;
  return `objects expire after ${number} ${name}${number === 1 ? '' : 's'}`;
}
