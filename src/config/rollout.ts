// The schemas of a kernel TLS rollout (phase, slice, percentages) and of the guard's policy. Configuration,
// control plane and command line share them.

import * as z from 'zod';

export const ktlsProtocols = ['TLSv1.2', 'TLSv1.3'] as const;
export const ktlsCiphers = ['AES-128-GCM', 'AES-256-GCM', 'ChaCha20-Poly1305', 'AES-128-CCM'] as const;

/** In the order of a rollout: each phase allows what the one before it allows, and more. */
export const phases = ['instrument', 'tx-canary', 'rx', 'hw-offload'] as const;
export type Phase = (typeof phases)[number];

const prefix = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'expected an IP address or a prefix like 192.0.2.0/24',
});
const serverName = z
  .string()
  .toLowerCase()
  .regex(/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    error: 'expected a host name; * in *.example.org stands for one label',
  });

// No defaults: a change contains only the fields to be changed.
const sliceFields = {
  clients: z.array(prefix).max(256).describe('Client addresses and prefixes that take part; empty: all.'),
  serverNames: z
    .array(serverName)
    .max(256)
    .describe('Server names (SNI) that take part; * in *.example.org stands for one label; empty: all.'),
  listeners: z
    .array(z.url())
    .max(64)
    .describe('Listeners that take part, written as under listeners; empty: all.'),
  protocols: z.array(z.enum(ktlsProtocols)).min(1).describe('TLS versions that take part.'),
  ciphers: z.array(z.enum(ktlsCiphers)).min(1).describe('Ciphers that take part.'),
  minBytes: z
    .int()
    .min(0)
    .describe(
      'Bytes. Smaller responses and uploads stay in userspace; the larger of this and ktls.minBytes counts.',
    ),
};

const sliceSchema = z.strictObject({
  clients: sliceFields.clients.default([]),
  serverNames: sliceFields.serverNames.default([]),
  listeners: sliceFields.listeners.default([]),
  protocols: sliceFields.protocols.default([...ktlsProtocols]),
  ciphers: sliceFields.ciphers.default([...ktlsCiphers]),
  minBytes: sliceFields.minBytes.default(0),
});
export type Slice = z.infer<typeof sliceSchema>;

const share = (most: number) => z.number().min(0).max(most);

export const rolloutSchema = z.strictObject({
  phase: z
    .enum(phases)
    .default('instrument')
    .describe(
      'instrument: TLS in userspace, with measurement. tx-canary: the canary sends through the kernel. rx: ' +
        'it also receives through the kernel. hw-offload: network devices may also take its keys.',
    ),
  percent: share(100)
    .default(5)
    .describe('Percentage of the slice’s connections that are the canary, which uses kernel TLS.'),
  control: share(50)
    .default(1)
    .describe('Percentage of the slice’s connections that always stay in userspace, as the control group.'),
  sticky: z
    .boolean()
    .default(true)
    .describe(
      'true: all connections of a client address are in the same group. false: each connection at random.',
    ),
  slice: sliceSchema
    .prefault({})
    .describe('The connections that take part. All others stay in userspace and are not compared.'),
});
/** The state of a rollout. */
export type RolloutState = z.infer<typeof rolloutSchema>;

/** A change: fields that it leaves out stay as they are. */
const rolloutChangeSchema = z.strictObject({
  phase: z.enum(phases).optional(),
  percent: share(100).optional(),
  control: share(50).optional(),
  sticky: z.boolean().optional(),
  slice: z.strictObject(sliceFields).partial().optional(),
});
export type RolloutChange = z.infer<typeof rolloutChangeSchema>;

/** Why somebody changes the rollout. */
export const reasonSchema = z.string().min(1, { error: 'expected a reason' }).max(500);
/** A change as it is asked for. */
export const askedChangeSchema = rolloutChangeSchema.extend({
  why: reasonSchema,
  force: z.boolean().default(false),
});

const ratio = z.number().min(1).max(100);

export const guardSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the guard acts; it compares in any case.'),
  intervalSeconds: z
    .number()
    .min(0.1)
    .max(60)
    .default(2)
    .describe('Seconds between two samples of the counters.'),
  windowSeconds: z
    .number()
    .min(1)
    .max(600)
    .default(120)
    .describe('Seconds of the past that the guard compares.'),
  minIntervals: z
    .int()
    .min(4)
    .max(100)
    .default(10)
    .describe('Fewest intervals with traffic in both groups for a verdict.'),
  minResponses: z
    .int()
    .min(1)
    .default(20)
    .describe('Fewest responses of each group for an interval to count.'),
  significance: z
    .number()
    .min(0.001)
    .max(0.2)
    .default(0.01)
    .describe('Largest p value at which a difference is taken for real; it is divided among the metrics.'),
  consecutive: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('Consecutive verdicts "worse" before a rollback; samples after the first must confirm them.'),
  errorShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.005)
    .describe('Errors per response in the canary above those of the control group that cause a rollback.'),
  latencyRatio: ratio.default(2).describe('Ratio of p99 latency, canary to control, that causes a rollback.'),
  cpuRatio: ratio.default(1.5).describe('Ratio of CPU per byte, canary to control, that causes a rollback.'),
  coolDownSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(600)
    .describe('Seconds after a rollback in which raising needs force.'),
  steps: z
    .array(z.number().min(0).max(100))
    .max(32)
    .default([])
    .describe('Percentages that the guard raises the canary to; empty: only operators raise it.'),
  stepSeconds: z
    .number()
    .min(1)
    .max(604_800)
    .default(900)
    .describe('Seconds for which the groups must be alike before the next step.'),
  stepConnections: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .default(100)
    .describe('Connections that must have moved into the kernel since the last change before the next step.'),
  stepBytes: z
    .int()
    .min(1)
    .max(2 ** 50)
    .default(64 * 1024 * 1024)
    .describe(
      'Bytes that the kernel must have encrypted or decrypted since the last change before the next step.',
    ),
});
export type GuardPolicy = z.infer<typeof guardSchema>;
