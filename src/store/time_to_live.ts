// TimeToLive: how long the newest version of a name lives: as its bucket says, counted from when it was
// written, and as was said of itself when it was stored. After the first of the two ends the name is as if it
// were deleted, for whoever asks, also before collection says so on record.

import type { Dates } from '../dates.ts';

/** Most seconds that a bucket may say: 100 years. */
export const mostTimeToLive = 100 * 366 * 86_400;

/** When an object is to end, in milliseconds: since the epoch, or from when it is stored. */
export type Expiry = { at: number } | { after: number };

/** Milliseconds since the epoch. @param now when it is stored. */
export function endBy(expiry: Expiry, now: number): number {
  return 'at' in expiry ? expiry.at : now + expiry.after;
}

/** How versions are read. */
export interface Reading {
  /** What HTTP tells as the date of a version. */
  dates: Dates;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Seconds; undefined: the names of the bucket live for ever. */
  timeToLiveOf(bucket: string): number | undefined;
}

/** What the end of a version follows from. */
type Ending = { created: number; expires?: number | undefined } | { deleted: true };

/** When a version that is the newest ends, in milliseconds since the epoch; undefined: it does not. */
export function endOf(value: Ending, timeToLive: number | undefined): number | undefined {
  if ('deleted' in value) return undefined;
  const { created, expires } = value;
  if (timeToLive === undefined) return expires;
  return Math.min(created + timeToLive * 1000, expires ?? Number.POSITIVE_INFINITY);
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
