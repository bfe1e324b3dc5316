// Symptoms of the service, whether or not kernel TLS is used: uploads, content, disk, readiness and logs.

import { mirrorRules } from './mirror_symptoms.ts';
import { pointRules } from './point_symptoms.ts';
import { storeRules } from './store_symptoms.ts';
import { percent, type Rule } from './symptom.ts';

/** Minimum of uploads below which a share may be a few clients' doing. */
const enoughUploads = 20;
/** Minimum of lost uploads: fewer may be a single client that was switched off. */
const enoughLost = 5;

/** Seconds in which a log that works writes at least once, if it has anything to write. */
const stalledAfter = 10;

/** The counter of requests that found no room. */
const storeFull = 'problems.store-full';

const uploadsAborted: Rule = ({ counts }) => {
  const { uploads = 0, uploads_aborted: ended = 0 } = counts;
  // Uploads that found no room or had to make way have symptoms of their own, and say nothing about clients.
  const ours = (counts[storeFull] ?? 0) + (counts.uploads_displaced ?? 0);
  const aborted = ended - Math.min(ended, ours);
  const all = uploads + aborted;
  if (all < enoughUploads || aborted < all / 10) return undefined;
  return {
    family: 'D',
    name: 'uploads-aborted',
    seen: `${percent(aborted, all)} of ${all} uploads ended before their last byte: ${aborted}`,
    cause:
      'Clients went away or were slower than limits.minRate, or their bodies were too large or malformed.',
    remedy: 'look for their lines in the access log, and at sealgate_problems_total for what was refused',
  };
};

const uploadsLost: Rule = ({ counts }) => {
  const { uploads = 0, uploads_aborted: aborted = 0, uploads_lost: lost = 0 } = counts;
  if (lost < enoughLost || lost < (uploads + aborted) / 100) return undefined;
  return {
    family: 'D',
    name: 'uploads-lost',
    seen: `${lost} uploads whose connection ended before the body had come`,
    cause: 'Clients gave up, or closed without reading the answer so that their kernel reset the connection.',
    remedy: 'let clients wait for the answer; the access log has these uploads with status 499',
  };
};

const quarantined: Rule = ({ quarantined: count }) => {
  if (count === 0) return undefined;
  return {
    family: 'D',
    name: 'blobs-in-quarantine',
    seen: count === 1 ? '1 file in quarantine' : `${count} files in quarantine`,
    cause: 'Their bytes are not what was sealed: something wrote below the store, or the disk is failing.',
    remedy:
      "look at quarantine/ in the store and at the disk's health, upload the objects again, and then " +
      'remove the files from quarantine/: until then they are named here',
  };
};

const diskFull: Rule = ({ counts, space }) => {
  const refused = counts[storeFull] ?? 0;
  if (refused === 0) return undefined;
  const requests = refused === 1 ? '1 request' : `${refused} requests`;
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)}`;
  const room = space ? `; now ${mebibytes(space.freeBytes)} of ${mebibytes(space.bytes)} MiB are free` : '';
  return {
    family: 'D',
    name: 'disk-full',
    seen: `the disk is full: ${requests} refused with 507 (store-full)${room}`,
    cause: 'The file system of the store has no room, or its quota is used up; what is stored is served on.',
    remedy: 'make room there, or a larger disk; uploads work again by themselves',
  };
};

const storeFails: Rule = ({ counts }) => {
  const seen = ['store-read-failed', 'store-write-failed']
    .map((problem) => ({ problem, count: counts[`problems.${problem}`] ?? 0 }))
    .filter(({ count }) => count > 0)
    .map(({ problem, count }) => `${problem} ${count}`);
  if (seen.length === 0) return undefined;
  return {
    family: 'D',
    name: 'store-fails',
    seen: `requests refused: ${seen.join(', ')}`,
    cause: 'Files of the store are away or not allowed to the server, or the disk is failing.',
    remedy: 'the log of the server has the file and the error of each',
  };
};

const notReady: Rule = ({ unready }) => {
  if (unready.length === 0) return undefined;
  return {
    family: 'E',
    name: 'not-ready',
    seen: unready.join('; '),
    cause: '/readyz answers 503 with these reasons, so that load balancers send no traffic.',
    remedy: 'mend what each line names; the server becomes ready by itself, after wrong bytes at a restart',
  };
};

const connectionLimit: Rule = ({ counts }) => {
  const { displaced = 0, turned_away: refused = 0, uploads_displaced: uploads = 0 } = counts;
  if (displaced + refused === 0) return undefined;
  const among = uploads > 0 ? ` (${uploads} in an upload)` : '';
  return {
    family: 'E',
    name: 'connection-limit',
    seen:
      `at limits.connections: ${displaced} connections cut for other clients${among}, ` +
      `${refused} closed unserved`,
    cause: 'A few clients, or one proxy for many, hold most of the connections there may be.',
    remedy:
      'find them with GET /connections on the control plane; raise limits.connections if they are yours',
  };
};

const accessLogLoses: Rule = ({ counts, totals }) => {
  const { access_log_dropped: dropped = 0 } = counts;
  const { access_log_failing: failing = 0, access_log_waiting: waiting = 0 } = totals;
  if (dropped === 0 && failing === 0) return undefined;
  const state = failing > 0 ? 'the last write failed' : 'no write failed';
  return {
    family: 'E',
    name: 'access-log-loses-lines',
    seen: `${dropped} lines of the access log were dropped, ${waiting} bytes wait, ${state}`,
    cause: 'Its disk is full or slow, or the reader of its pipe has stopped or left.',
    remedy:
      'see the log of the server for the error; make room, or start the reader; lines that wait are kept',
  };
};

const accessLogStalls: Rule = ({ counts, totals }) => {
  const { access_log_stalled: stalled = 0, access_log_waiting: waiting = 0 } = totals;
  const { access_log_failing: failing = 0 } = totals;
  // Lines that are lost already, or whose write failed, have a symptom of their own.
  if (stalled < stalledAfter || failing > 0 || (counts.access_log_dropped ?? 0) > 0) return undefined;
  return {
    family: 'E',
    name: 'access-log-stalls',
    seen: `no line of the access log was written for ${Math.floor(stalled)} s, ${waiting} bytes wait`,
    cause: 'The reader of its FIFO or pipe does not read or is not there, or its disk does not answer.',
    remedy: 'start the reader or look at what it waits for; when 8 MiB wait, further lines are lost',
  };
};

const logLoses: Rule = ({ counts }) => {
  const { log_dropped: dropped = 0 } = counts;
  if (dropped === 0) return undefined;
  return {
    family: 'E',
    name: 'log-loses-lines',
    seen: `${dropped} lines of the server's own log were dropped`,
    cause: 'What reads its standard error is slow or has stopped.',
    remedy: 'look at the supervisor or the pipe that takes it',
  };
};

const tokensBroken: Rule = ({ totals }) => {
  if (!totals.tokens_file_broken) return undefined;
  return {
    family: 'E',
    name: 'token-file-broken',
    seen: 'the token file cannot be read; the tokens known before stay in force, revoked ones too',
    cause: 'It is malformed, or others may read it.',
    remedy: 'the log of the server says which; restore the file, or run chmod 600 on it',
  };
};

const signingKeysBroken: Rule = ({ totals }) => {
  const { signing_keys_broken: broken = 0 } = totals;
  if (broken === 0) return undefined;
  return {
    family: 'E',
    name: 'signing-key-broken',
    seen: `${broken} files of signing keys cannot be read; keys whose files are still there stay in force`,
    cause: 'They are gone or malformed, or others may read them.',
    remedy: 'the log of the server says which; restore the file, or take the key out of the configuration',
  };
};

/** Whether or not kernel TLS is used. What fails altogether is first. */
export const serviceRules: Rule[] = [
  notReady,
  diskFull,
  storeFails,
  uploadsAborted,
  uploadsLost,
  quarantined,
  ...pointRules,
  ...mirrorRules,
  ...storeRules,
  connectionLimit,
  accessLogLoses,
  accessLogStalls,
  logLoses,
  tokensBroken,
  signingKeysBroken,
];
