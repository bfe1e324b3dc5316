// Symptoms of the store, as the scrubber found it: content that is gone or cannot be read, and what is in its
// way.

import type { Rule } from './symptom.ts';

const many = (count: number, what: string) => (count === 1 ? `1 ${what}` : `${count} ${what}s`);
const gibibytes = (bytes: number) => `${Number((bytes / 2 ** 30).toPrecision(3))} GiB`;

const blobsMissing: Rule = ({ totals }) => {
  const count = totals['scrub_standing.missing'] ?? 0;
  if (count === 0) return undefined;
  return {
    family: 'D',
    name: 'blobs-missing',
    seen: `${many(count, 'blob')} on record without a file`,
    cause: 'Somebody removed files below the store, a file system was repaired, or a restore was not whole.',
    remedy: "'sealgate verify' lists them; store the same bytes again, or bring the files back from a backup",
  };
};

const blobsUnreadable: Rule = ({ totals }) => {
  const count = totals['scrub_standing.unreadable'] ?? 0;
  if (count === 0) return undefined;
  return {
    family: 'D',
    name: 'blobs-unreadable',
    seen: `${many(count, 'blob')} could not be read, also when it was tried again`,
    cause: 'The disk is failing, or the files are not allowed to the server.',
    remedy: "the log of the server has the error of each; look at the disk's health, then 'sealgate verify'",
  };
};

const foreignFiles: Rule = ({ totals }) => {
  const count = totals['scrub_standing.foreign'] ?? 0;
  if (count === 0) return undefined;
  return {
    family: 'D',
    name: 'foreign-files',
    seen: `${many(count, 'file')} in blobs/ that the store has not put there`,
    cause: 'Somebody or something else writes below the store.',
    remedy: "'sealgate verify' names them; move them elsewhere, and find out who writes there",
  };
};

const quarantineFull: Rule = ({ totals }) => {
  const {
    quarantine_bytes: bytes = 0,
    quarantine_limit: limit = bytes,
    quarantine_files: files = 0,
  } = totals;
  if (bytes <= limit) return undefined;
  return {
    family: 'D',
    name: 'quarantine-full',
    seen: `${many(files, 'file')} of ${gibibytes(bytes)} in quarantine/, more than ${gibibytes(limit)}`,
    cause: 'So much was withdrawn that it is no single bad block; nothing else has these bytes.',
    remedy:
      "look at disk, memory and cables first; with the server stopped, 'sealgate verify --restore' gives " +
      'back what is right, and what is stored again leaves by itself',
  };
};

const scrubLate: Rule = ({ scrub }) => {
  if (!scrub?.late) return undefined;
  const progress = Math.floor((scrub.pass?.progress ?? 0) * 100);
  return {
    family: 'D',
    name: 'scrub-late',
    seen: `the scrub is at ${progress} % and does not get through all blobs within scrub.periodDays`,
    cause: 'At scrub.bytesPerSecond the store takes longer, or the server was down for long.',
    remedy: 'raise scrub.bytesPerSecond as far as the disk bears it, or scrub.periodDays',
  };
};

const scrubHeldUp: Rule = ({ scrub }) => {
  if (scrub?.trouble === undefined) return undefined;
  return {
    family: 'D',
    name: 'scrub-held-up',
    seen: `the scrub does not go on: ${scrub.trouble}`,
    cause: 'The store, or a part of it, cannot be looked at.',
    remedy: 'mend what the line names; the scrub goes on by itself where it was',
  };
};

export const storeRules: Rule[] = [
  blobsMissing,
  blobsUnreadable,
  quarantineFull,
  foreignFiles,
  scrubLate,
  scrubHeldUp,
];
