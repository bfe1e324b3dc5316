// The diagnosis rules about disk, readiness and logs, with made-up counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRules } from '../../src/rollout/service_symptoms.ts';
import type { Observations } from '../../src/rollout/symptom.ts';

type Seen = Pick<Observations, 'counts' | 'totals' | 'unready' | 'space' | 'quarantined' | 'scrub'>;
const quiet: Seen = { counts: {}, totals: {}, unready: [], quarantined: 0 };

// These rules look at nothing else.
const symptoms = (seen: Partial<Seen>) =>
  serviceRules
    .map((rule) => rule({ ...quiet, ...seen } as Observations))
    .filter((symptom) => symptom !== undefined);
const names = (seen: Partial<Seen>) => symptoms(seen).map(({ name }) => name);

test('nothing counted, ready: no symptom', () => {
  assert.deepEqual(names({}), []);
  assert.deepEqual(names({ totals: { access_log_dropped: 9, access_log_waiting: 100 } }), []);
});

test('uploads refused with 507: disk-full with its numbers, and clients are not blamed', () => {
  const counts = { uploads: 5, uploads_aborted: 40, 'problems.store-full': 40 };
  const [full, ...others] = symptoms({ counts, space: { freeBytes: 3 * 2 ** 20, bytes: 64 * 2 ** 20 } });
  assert.deepEqual([full?.name, others], ['disk-full', []]);
  assert.match(full?.seen ?? '', /full: 40 requests refused with 507 .*now 3 of 64 MiB are free$/);
});

test('uploads that clients gave up beside a full disk: both symptoms', () => {
  const counts = { uploads: 5, uploads_aborted: 80, 'problems.store-full': 40 };
  const [full, aborted] = symptoms({ counts });
  assert.deepEqual([full?.name, aborted?.name], ['disk-full', 'uploads-aborted']);
  assert.match(aborted?.seen ?? '', /^89 % of 45 uploads .*: 40$/);
});

test('requests refused as files could not be read or written: store-fails', () => {
  const [symptom] = symptoms({
    counts: { 'problems.store-read-failed': 2, 'problems.store-write-failed': 1 },
  });
  assert.equal(symptom?.seen, 'requests refused: store-read-failed 2, store-write-failed 1');
});

test('reasons of /readyz: not-ready with each', () => {
  const [symptom] = symptoms({ unready: ['store: away', 'metadata: read-only'] });
  assert.deepEqual([symptom?.name, symptom?.seen], ['not-ready', 'store: away; metadata: read-only']);
});

test('lines dropped though no write failed, or a write that failed: access-log-loses-lines', () => {
  const expected = ['access-log-loses-lines'];
  assert.deepEqual(names({ counts: { access_log_dropped: 7 }, totals: { access_log_failing: 0 } }), expected);
  assert.deepEqual(names({ totals: { access_log_failing: 1, access_log_waiting: 5000 } }), expected);
});

test('lines that wait and none written for ten seconds, none lost yet: access-log-stalls', () => {
  const totals = { access_log_stalled: 12.3, access_log_waiting: 700 };
  const [symptom] = symptoms({ totals });
  assert.equal(symptom?.name, 'access-log-stalls');
  assert.equal(symptom?.seen, 'no line of the access log was written for 12 s, 700 bytes wait');
  assert.deepEqual(names({ totals: { ...totals, access_log_stalled: 3 } }), []);
  assert.deepEqual(names({ totals, counts: { access_log_dropped: 1 } }), ['access-log-loses-lines']);
});

test('connections cut or closed unserved at the limit: connection-limit', () => {
  const [symptom] = symptoms({ counts: { turned_away: 3 } });
  assert.equal(symptom?.name, 'connection-limit');
  assert.match(symptom?.seen ?? '', /: 0 connections cut for other clients, 3 closed unserved$/);
});

test('uploads that made way for other clients: connection-limit, and clients are not blamed', () => {
  const counts = { displaced: 50, uploads: 5, uploads_aborted: 40, uploads_displaced: 40 };
  const [symptom, ...others] = symptoms({ counts });
  assert.deepEqual([symptom?.name, others], ['connection-limit', []]);
  assert.match(symptom?.seen ?? '', /: 50 connections cut for other clients \(40 in an upload\), 0 closed/);
});

test('lines of the own log dropped, the token file broken: a symptom each', () => {
  assert.deepEqual(names({ counts: { log_dropped: 1 } }), ['log-loses-lines']);
  assert.deepEqual(names({ totals: { tokens_file_broken: 1 } }), ['token-file-broken']);
});

test('a missing, unreadable or foreign file that the scrub found: a symptom each, while it stands', () => {
  const none = { 'scrub_standing.missing': 0, 'scrub_standing.unreadable': 0, 'scrub_standing.foreign': 0 };
  assert.deepEqual(names({ totals: none }), []);
  const [missing, unreadable, foreign] = symptoms({
    totals: { 'scrub_standing.missing': 2, 'scrub_standing.unreadable': 1, 'scrub_standing.foreign': 3 },
  });
  assert.deepEqual([missing?.name, missing?.seen], ['blobs-missing', '2 blobs on record without a file']);
  assert.deepEqual([unreadable?.name, foreign?.name], ['blobs-unreadable', 'foreign-files']);
});

test('a quarantine beyond its bound: quarantine-full; one within it, or with no bound known: none', () => {
  const totals = { quarantine_bytes: 3 * 2 ** 30, quarantine_files: 7, quarantine_limit: 2 ** 30 };
  const [symptom, ...others] = symptoms({ totals });
  assert.deepEqual([symptom?.name, others], ['quarantine-full', []]);
  assert.equal(symptom?.seen, '7 files of 3 GiB in quarantine/, more than 1 GiB');
  assert.deepEqual(names({ totals: { ...totals, quarantine_bytes: 2 ** 30 } }), []);
  assert.deepEqual(names({ totals: { quarantine_bytes: 5 } }), []);
});

test('a scrub that is late or held up: a symptom each', () => {
  const status = { state: 'reading', late: false, standing: [] } as const;
  assert.deepEqual(names({ scrub: { ...status, standing: [] } }), []);
  const pass = { began: 0, blobs: 5, bytes: 9, found: {}, progress: 0.123 };
  const seen = { ...status, standing: [], late: true, pass, trouble: 'blobs/id cannot be looked at' };
  const [late, held] = symptoms({ scrub: seen });
  assert.match(late?.seen ?? '', /at 12 %/);
  assert.deepEqual(
    [late?.name, held?.name, held?.seen],
    ['scrub-late', 'scrub-held-up', 'the scrub does not go on: blobs/id cannot be looked at'],
  );
});

test('an upstream that is left alone, one with other bytes, a mirror that evicts much: each is named', () => {
  const totals = { 'upstream_circuit_open.up': 1, 'upstream_circuit_open.b': 0, 'mirror_most_bytes.m': 1000 };
  const counts = { 'upstream_mismatches.b': 2, 'mirror_evicted_bytes.m': 500 };
  const [alone, other, thrashes] = symptoms({ totals, counts });
  assert.deepEqual([alone?.name, alone?.seen.endsWith(': up')], ['upstream-left-alone', true]);
  assert.deepEqual([other?.name, other?.seen.endsWith(': 2 of b')], ['upstream-other-bytes', true]);
  assert.deepEqual([thrashes?.name, thrashes?.seen.endsWith(': m (50 %)')], ['mirror-thrashes', true]);
  assert.deepEqual(names({ totals: { ...totals, 'upstream_circuit_open.up': 0 } }), []);
});
