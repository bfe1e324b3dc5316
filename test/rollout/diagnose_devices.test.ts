// The diagnosis rules about network devices, with made-up counts, because no device here can offload TLS.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolloutSchema } from '../../src/config/rollout.ts';
import type { NetDevice } from '../../src/native/addon.ts';
import { diagnose } from '../../src/rollout/diagnose.ts';
import type { Observations } from '../../src/rollout/symptom.ts';

const changed = { at: '2026-01-01T00:00:00Z', who: 'test', why: 'test' };
const quiet: Observations = {
  counts: {},
  rollout: { ...rolloutSchema.parse({ phase: 'rx' }), ktls: { works: true, reason: '' }, changed },
  guard: { comparisons: [] },
  kernel: {},
  devices: [],
  connections: [],
  quarantined: 0,
  totals: {},
  unready: [],
};
const features = {
  'tls-hw-tx-offload': 'on',
  'tls-hw-rx-offload': 'on',
  'tls-hw-record': 'off',
} as const;
const device = (statistics: Record<string, number>): NetDevice => ({
  name: 'eth0',
  driver: 'mlx5_core',
  up: true,
  features,
  statistics,
});
const names = (seen: Partial<Observations>) => diagnose({ ...quiet, ...seen }).map(({ name }) => name);

test('a device without resyncs and drops: no symptom', () => {
  assert.deepEqual(
    names({ devices: [device({ tx_tls_encrypted_bytes: 1e9, rx_tls_resync_req_pkt: 0 })] }),
    [],
  );
  assert.deepEqual(names({ counts: { 'ktls_mode.tx/device': 500 } }), []);
});

test('resync counts of a device: offload-resync', () => {
  const [symptom] = diagnose({ ...quiet, devices: [device({ rx_tls_resync_req_pkt: 12, tx_tls_ctx: 4 })] });
  assert.equal(symptom?.name, 'offload-resync');
  assert.equal(symptom?.seen, 'eth0 rx_tls_resync_req_pkt 12');
});

test('keys partly in a device, partly in software: mixed-modes', () => {
  assert.deepEqual(names({ counts: { 'ktls_mode.tx/device': 5, 'ktls_mode.tx/software': 3 } }), [
    'mixed-modes',
  ]);
});

test('keys in a device before phase hw-offload: offload-unasked', () => {
  assert.deepEqual(names({ counts: { offload_unasked: 2 } }), ['offload-unasked']);
});

test('keys refused by the kernel: a symptom with the errno; refused since the client left: none', () => {
  const counts = { 'fallback.install-failed-enomem': 3, 'fallback.install-failed-enotconn': 9 };
  const [symptom] = diagnose({ ...quiet, counts });
  assert.equal(symptom?.name, 'kernel-refuses');
  assert.match(symptom?.seen ?? '', /: 3 with ENOMEM$/);
  assert.deepEqual(names({ counts: { 'fallback.install-failed-enotconn': 9 } }), []);
});
