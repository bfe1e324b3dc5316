// The rules for names of buckets and objects. Names never become file paths. They are limited so that URLs,
// logs and other tools keep them unchanged.

import { SealgateError } from '../errors.ts';

/** Most UTF-8 bytes of an object's name. */
export const maxNameBytes = 1024;

/** Throws `target-invalid`. */
export function checkBucketName(name: string): void {
  if (/^[a-z0-9][a-z0-9.-]{0,62}$/.test(name) && !name.includes('..')) return;
  throw new SealgateError(
    'target-invalid',
    'A bucket name has 1 to 63 lower-case letters, digits, dots and hyphens, begins with a letter or ' +
      'digit, and has no two dots in a row.',
  );
}

/** Throws `target-invalid`. */
export function checkObjectName(name: string): void {
  const fault = faultOf(name);
  if (fault !== undefined) throw new SealgateError('target-invalid', `An object name ${fault}.`);
}

/** Matches most names, which need no further check. */
const plainName = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

function faultOf(name: string): string | undefined {
  if (name.length <= maxNameBytes && plainName.test(name)) return undefined;
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > maxNameBytes) return `has 1 to ${maxNameBytes} bytes of UTF-8`;
  if (!name.isWellFormed()) return 'is well-formed Unicode';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'has no control character and no backslash';
  const segments = name.split('/');
  if (segments.includes('')) return 'has no empty segment: no slash at either end, no two in a row';
  if (segments.includes('.') || segments.includes('..')) return 'has no segment "." or ".."';
  return undefined;
}
