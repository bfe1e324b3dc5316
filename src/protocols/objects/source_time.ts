// When the source of an upload last changed, as sync clients say it: X-OC-Mtime, of ownCloud, which rclone,
// Nextcloud's clients and others send and Apache's mod_dav reads (DavHonorMtimeHeader).

import type { FieldLines } from '../../engine/engine_request.ts';
import { SealgateError } from '../../errors.ts';
import type { ResponseField } from '../../native/addon.ts';

/** Whole seconds since 1970; what a date in HTTP can say and a double holds in milliseconds. */
const seconds = /^-?\d{1,12}$/;

/** Milliseconds since the epoch; undefined: the client does not say. Throws `field-refused`. */
export function sourceTime(headers: FieldLines): number | undefined {
  const given = headers.get('x-oc-mtime');
  if (given === null) return undefined;
  if (seconds.test(given)) return Number(given) * 1000;
  throw new SealgateError('field-refused', 'X-OC-Mtime is a whole number of seconds since 1970.');
}

/** Says so where the time was recorded; one of the future, or before the version it replaces, is not. */
export function timeAccepted(given: number | undefined, recorded: number | undefined): ResponseField[] {
  return given !== undefined && given === recorded ? [['X-OC-Mtime', 'accepted']] : [];
}
