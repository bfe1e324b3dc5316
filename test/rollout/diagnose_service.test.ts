// The diagnosis rules about disk, readiness and logs, with made-up counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceRules } from '../../src/rollout/service_symptoms.ts';
import type { Observations } from '../../src/rollout/symptom.ts';

type Seen = Pick<Observations, 'counts' | 'totals' | 'unready' | 'space' | 'quarantined'>;
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

test('lines of the own log dropped, the token file broken: a symptom each', () => {
  assert.deepEqual(names({ counts: { log_dropped: 1 } }), ['log-loses-lines']);
  assert.deepEqual(names({ totals: { tokens_file_broken: 1 } }), ['token-file-broken']);
});
