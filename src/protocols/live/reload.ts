// Reload: what a player asks for beyond the playlist itself: that it is answered when a segment or part is in
// it, and that old segments are left out (rfc8216bis 6.2.5).

import type { EngineRequest } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { endOf, type Manifest } from './manifest.ts';

export const reloadParameters = ['_HLS_msn', '_HLS_part', '_HLS_skip'];

export interface Reload {
  /** The number of the segment that is to be in the playlist; undefined: any playlist will do. */
  msn: number | undefined;
  /** The part of that segment. */
  part: number | undefined;
  /** Whether old segments may be left out. */
  skips: boolean;
}

/** Undefined: it is asked for as it is. Throws `query-invalid`. */
export function reloadOf({ url, query }: Pick<EngineRequest, 'url' | 'query'>): Reload | undefined {
  if (!url.includes('_HLS_')) return undefined;
  const msn = numberIn(query, '_HLS_msn');
  const part = numberIn(query, '_HLS_part');
  if (part !== undefined && msn === undefined)
    throw new SealgateError('query-invalid', '_HLS_part says nothing without _HLS_msn.');
  const skip = query.get('_HLS_skip');
  return { msn, part, skips: skip === 'YES' || skip === 'v2' };
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const said = query.get(name);
  if (said === null) return undefined;
  if (!/^\d{1,15}$/.test(said))
    throw new SealgateError('query-invalid', `${name} is to be a number of up to 15 digits.`);
  return Number(said);
}

/** How far a playlist goes. */
export interface Reach extends Omit<NonNullable<Manifest['reload']>, 'hints'> {
  /** The number behind that of the last whole segment. */
  end: number;
  /** Milliseconds from one segment to the next, at most. */
  pace: number;
  isEnded: boolean;
}

export function reachOf(manifest: Manifest): Reach | undefined {
  const { pace, isEnded, reload } = manifest;
  if (!reload) return undefined;
  const { hints: _, ...its } = reload;
  return { ...its, end: endOf(manifest), pace, isEnded };
}

/** Segments that may be asked for behind the last one. */
const mostAhead = 2;
/** Milliseconds of parts that may be asked for behind the last one. */
const mostPartsAhead = 3000;

/**
 * Whether the playlist has what is asked for. Throws `query-invalid` for what is too far ahead.
 * @param isAnew its encoder has just begun anew: who asks knows the numbers of before, and is given the
 *   new ones.
 */
export function hasCome(reach: Reach, { msn, part }: Reload, isAnew = false): boolean {
  const { end, parts, lastParts, partPace, canBlock, isEnded } = reach;
  if (msn === undefined || isEnded || !canBlock) return true;
  if (msn > end - 1 + mostAhead) {
    if (isAnew) return true;
    throw tooFar(`segment ${msn}`, end);
  }
  if (part === undefined || partPace === 0) return msn < end;
  // A part behind the last of its segment is the first of the next one.
  if (msn === end - 1 && lastParts > 0 && part >= lastParts) return parts > 0;
  if (msn < end) return true;
  const most = Math.max(3, Math.ceil(mostPartsAhead / partPace));
  const there = msn === end ? parts : 0;
  if (part >= there + most) throw tooFar(`part ${part} of segment ${msn}`, end);
  return msn === end && part < parts;
}

function tooFar(what: string, end: number): SealgateError {
  return new SealgateError('query-invalid', `${what} is too far ahead: the playlist ends before ${end}.`);
}

/** Milliseconds that hls.js waits for what has no parts. */
export const playersPatience = 10_000;
/** Less than players wait, so that they hear why. */
const held = 0.8;
/** Milliseconds for which a player is held by whatever has no pace. */
export const usualPatience = held * playersPatience;

/**
 * Milliseconds for which a player is held that waits for a playlist: at most three segments (rfc8216bis
 * 6.2.5.2).
 * hls.js waits for three parts, or 0.8 segments, where there are parts. Who asks for a whole segment waits
 * for that.
 */
export function patienceOf(
  { pace, partPace }: Pick<Reach, 'pace' | 'partPace'>,
  { part }: Pick<Reload, 'part'>,
): number {
  const players = partPace > 0 && part !== undefined ? Math.max(3 * partPace, 0.8 * pace) : playersPatience;
  return Math.round(Math.min(held * players, 3 * pace));
}
