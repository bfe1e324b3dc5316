// diagnose: finds symptoms in the counters of the last minutes, above all of kernel TLS, and states for each
// the numbers, the likely cause and a remedy. Each symptom has one rule, which is one function.

import { groupCounts, valuesUnder } from './samples.ts';
import { serviceRules } from './service_symptoms.ts';
import { type Observations, percent, type Rule, type Symptom } from './symptom.ts';

/** Minimum of ended connections, and of bytes sent, below which a share means nothing. */
const enoughConnections = 20;
const enoughBytes = 1_000_000;
/** All symptoms whose rules match. */
export function diagnose(seen: Observations): Symptom[] {
  return rules.map((rule) => rule(seen)).filter((symptom) => symptom !== undefined);
}

const isOn = ({ rollout }: Observations) => rollout.ktls.works && rollout.phase !== 'instrument';
const sum = (values: Record<string, number>) => Object.values(values).reduce((all, value) => all + value, 0);

const handshakeBound: Rule = (seen) => {
  const cpu = valuesUnder(seen.counts, 'cpu.');
  const { handshake = 0 } = cpu;
  const handshakes = seen.counts.handshakes ?? 0;
  if (!isOn(seen) || handshakes < enoughConnections) return undefined;
  // CPU is sampled: 0 means that no sample was taken, not that handshakes were free.
  if (handshake === 0 || handshake < sum(cpu) / 2) return undefined;
  const resumed = seen.counts.handshakes_resumed ?? 0;
  return {
    family: 'A',
    name: 'handshake-bound',
    seen: `${percent(handshake, sum(cpu))} of the CPU is handshakes; ${percent(resumed, handshakes)} resume`,
    cause: 'Clients connect for little; what kernel TLS can save is in the bytes after the handshake.',
    remedy: 'let clients keep connections and resume sessions (tls.tickets), and use ECDSA certificates',
  };
};

/**
 * Connections that ended without ever sending through the kernel, by the given reasons, and all that ended.
 */
function fallbackCounts(seen: Observations, ...reasons: string[]): { count: number; ended: number } {
  const fallbacks = valuesUnder(seen.counts, 'fallback.');
  // Connections outside the rollout stay in userspace on purpose, so they do not count.
  const { 'not-in-rollout': _, ...others } = fallbacks;
  const count = reasons.reduce((all, reason) => all + (others[reason] ?? 0), 0);
  return { count, ended: sum(others) + (seen.counts.ktls_switched ?? 0) };
}

const ciphersFallOut: Rule = (seen) => {
  const { count, ended } = fallbackCounts(
    seen,
    'cipher-unsupported',
    'protocol-unsupported',
    'kernel-unsupported',
  );
  if (!isOn(seen) || ended < enoughConnections || count < ended / 10) return undefined;
  return {
    family: 'A',
    name: 'ciphers-fall-out',
    seen: `${percent(count, ended)} of ${ended} connections have a suite that the kernel cannot take`,
    cause: 'These clients negotiate something else than AES-GCM or ChaCha20-Poly1305 with TLS 1.2 or 1.3.',
    remedy: "put suites that 'sealgate doctor' finds working first in tls.ciphers and tls.cipherSuites",
  };
};

const objectsTooSmall: Rule = (seen) => {
  const { count, ended } = fallbackCounts(seen, 'too-short');
  if (!isOn(seen) || ended < enoughConnections || count < ended / 2) return undefined;
  return {
    family: 'A',
    name: 'objects-too-small',
    seen: `${percent(count, ended)} of ${ended} connections never had a response of ktls.minBytes`,
    cause: 'Setting the kernel up costs more than short transfers give back, so they stay in userspace.',
    remedy: 'nothing, if most content is small; else lower ktls.minBytes and let the guard compare',
  };
};

const kernelRefuses: Rule = (seen) => {
  const prefix = 'fallback.install-failed';
  // ENOTCONN: the client had left by then, which nobody refused.
  const refused = Object.entries(seen.counts).filter(
    ([name, n]) => name.startsWith(prefix) && name !== `${prefix}-enotconn` && n > 0,
  );
  if (!isOn(seen) || refused.length === 0) return undefined;
  const by = refused.map(
    ([name, n]) => `${n} with ${name.slice(prefix.length + 1).toUpperCase() || 'others'}`,
  );
  return {
    family: 'A',
    name: 'kernel-refuses',
    seen: `connections stayed in userspace because the kernel refused them: ${by.join(', ')}`,
    cause:
      'ENOENT: the module tls is not loaded. ENOMEM: a limit of memory. EPERM: a filter of system calls.',
    remedy: "see 'sealgate doctor', and what the kernel logs; they are served in userspace meanwhile",
  };
};

const noSendfile: Rule = (seen) => {
  const sent = valuesUnder(seen.counts, 'bytes.');
  const by = (path: string) =>
    sum(Object.fromEntries(Object.entries(sent).filter(([name]) => name.startsWith(`${path}/`))));
  const [copied, spliced] = [by('ktls-send'), by('ktls-sendfile')];
  if (copied < enoughBytes || copied < spliced) return undefined;
  return {
    family: 'A',
    name: 'sendfile-not-applicable',
    seen: `${percent(copied, copied + spliced)} of what kernel TLS sends is copied, not from the page cache`,
    cause: 'The content is generated, or its files cannot be pinned (seal level L0: further links).',
    remedy: "look for other links to blobs of the store, and at 'sealgate stat' for their level",
  };
};

const noCheaper: Rule = (seen) => {
  const cpu = seen.guard.comparisons.find(({ metric }) => metric === 'cpu-per-byte');
  // The verdict "alike" means that the difference may be chance, or is too small to matter.
  if (!isOn(seen) || !cpu || cpu.verdict === 'alike') return undefined;
  const times = (cpu.canary / cpu.control).toFixed(2);
  return {
    family: 'A',
    name: 'no-cheaper',
    seen: `a byte costs ${times} times the CPU of userspace TLS (p ${cpu.p.toPrecision(2)})`,
    cause: 'Encrypting in the kernel by software saves one copy, and its ciphers may be the slower ones.',
    remedy: "roll back ('sealgate rollout back'), or stay for the memory that idle connections save",
  };
};

const keysNotFollowed: Rule = (seen) => {
  const canary = groupCounts(seen.counts, 'canary', 'group');
  const control = groupCounts(seen.counts, 'control', 'group');
  const { errors } = canary;
  const share = (group: typeof canary, name: string) =>
    (group.errors[name] ?? 0) / Math.max(group.connections, 1);
  const names = ['key-expired', 'key-update-failed', 'key-update-flood', 'bad-record-mac'];
  // A client that sends garbage does so in both groups: only what the canary has more often counts.
  const found = names.filter((name) => share(canary, name) > 2 * share(control, name));
  if (found.length === 0) return undefined;
  const kernel = ['TlsDecryptError', 'TlsRxRekeyError', 'TlsTxRekeyError'].filter(
    (name) => seen.kernel[name],
  );
  return {
    family: 'B',
    name: 'keys-not-followed',
    seen: [
      ...found.map((name) => `${name} ${errors[name]}`),
      ...kernel.map((name) => `${name} ${seen.kernel[name]}`),
    ].join(', '),
    cause:
      'Records did not open. After a KeyUpdate it is a key that came too late or not at all; else it is ' +
      'the client, or something on the way.',
    remedy: 'roll back and see whether it stays: the control group has the same clients',
  };
};

const cannotRekey: Rule = (seen) => {
  const { count } = fallbackCounts(seen, 'rekey-unsupported', 'key-spent');
  if (count === 0) return undefined;
  return {
    family: 'B',
    name: 'cannot-rekey',
    seen: `${count} connections ended in order because their key had to be replaced`,
    cause: 'This kernel cannot replace a key (before Linux 6.14), or TLS 1.2 has no way to.',
    remedy: 'a newer kernel; or keep clients with long sessions out of the slice',
  };
};

const resync: Rule = ({ devices }) => {
  const trouble = devices.flatMap(({ name, statistics }) =>
    Object.entries(statistics)
      .filter(([key, count]) => count > 0 && /resync|drop|fail|err/.test(key))
      .map(([key, count]) => `${name} ${key} ${count}`),
  );
  if (trouble.length === 0) return undefined;
  return {
    family: 'C',
    name: 'offload-resync',
    seen: trouble.join(', '),
    cause: 'The device loses its place in TLS streams: retransmissions and reordering on the way.',
    remedy: "compare with it off: 'ethtool -K DEVICE tls-hw-tx-offload off tls-hw-rx-offload off'",
  };
};

const mixedModes: Rule = ({ counts }) => {
  const modes = valuesUnder(counts, 'ktls_mode.tx/');
  const { device = 0, software = 0 } = modes;
  if (device === 0 || software === 0) return undefined;
  return {
    family: 'C',
    name: 'mixed-modes',
    seen: `a device took ${device} keys, software has ${software}`,
    cause: 'The device is full, does not know a cipher, or some connections leave by another device.',
    remedy: 'restrict the slice to what the device takes, so that groups compare like with like',
  };
};

const unasked: Rule = ({ counts }) => {
  const { offload_unasked: taken = 0 } = counts;
  if (taken === 0) return undefined;
  return {
    family: 'C',
    name: 'offload-unasked',
    seen: `a device took ${taken} keys though the phase is not hw-offload`,
    cause: 'The kernel gives a device with the feature on every key it can take.',
    remedy: "turn it off until that phase: 'ethtool -K DEVICE tls-hw-tx-offload off tls-hw-rx-offload off'",
  };
};

const rules: Rule[] = [
  handshakeBound,
  ciphersFallOut,
  objectsTooSmall,
  kernelRefuses,
  noSendfile,
  noCheaper,
  keysNotFollowed,
  cannotRekey,
  resync,
  mixedModes,
  unasked,
  ...serviceRules,
];
