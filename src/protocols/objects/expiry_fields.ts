// X-Delete-After and X-Delete-At, as OpenStack Swift has them: when an object is deleted, in seconds from
// when it is stored or since 1970. And how answers say it.

import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import { type Expiry, mostTimeToLive } from '../../store/time_to_live.ts';

const [after, at] = ['X-Delete-After', 'X-Delete-At'];

/** Undefined: the client does not say. Throws `field-refused`. */
export function expiryOf(headers: FieldLines): Expiry | undefined {
  const [seconds, time] = [headers.get(after), headers.get(at)];
  if (seconds !== null && time !== null)
    throw new SealgateError('field-refused', `${after} and ${at}: one of the two says it.`);
  if (seconds !== null) return { after: within(after, seconds, 0, 'whole seconds') };
  if (time === null) return undefined;
  return { at: within(at, time, Math.floor(Date.now() / 1000), 'seconds since 1970, in the future') };
}

/** When an object ends, as an answer tells it. */
export function shownEnd(expires: number | undefined): { expires?: string } {
  return expires === undefined ? {} : { expires: new Date(expires).toISOString() };
}

/** Milliseconds. */
function within(field: string, text: string, behind: number, what: string): number {
  const number = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (number > behind && number <= behind + mostTimeToLive) return number * 1000;
  throw new SealgateError('field-refused', `${field}: expected ${what}, up to 100 years.`);
}
