// What a rollout can be told: how far kernel TLS has come (phase), for whom (slice and percent), and when the
// guard steps in. The configuration, the control plane and the command line share it.

import * as z from 'zod';

export const ktlsProtocols = ['TLSv1.2', 'TLSv1.3'] as const;
export const ktlsCiphers = ['AES-128-GCM', 'AES-256-GCM', 'ChaCha20-Poly1305', 'AES-128-CCM'] as const;

/** In the order of a rollout: each allows what the one before it allows, and more. */
export const phases = ['instrument', 'tx-canary', 'rx', 'hw-offload'] as const;
export type Phase = (typeof phases)[number];

const prefix = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'expected an IP address or a prefix like 192.0.2.0/24',
});
const serverName = z
  .string()
  .toLowerCase()
  .regex(/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, {
    error: 'expected a host name; *.example.org stands for one label',
  });

// Without defaults: a change names what it means to change.
const sliceFields = {
  clients: z.array(prefix).max(256).describe('Addresses and prefixes; empty: all.'),
  serverNames: z
    .array(serverName)
    .max(256)
    .describe('Host names that clients ask for; *.example.org stands for one label; empty: all.'),
  listeners: z.array(z.url()).max(64).describe('As they stand under listeners; empty: all.'),
  protocols: z.array(z.enum(ktlsProtocols)).min(1),
  ciphers: z.array(z.enum(ktlsCiphers)).min(1),
  minBytes: z.int().min(0).describe('Smaller responses and uploads move nothing; ktls.minBytes counts too.'),
};

export const sliceSchema = z.strictObject({
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
      'instrument: userspace TLS, measured. tx-canary: the canary sends by the kernel. rx: and receives. ' +
        'hw-offload: and network devices may take its keys.',
    ),
  percent: share(100).default(5).describe('Share of the slice that is the canary.'),
  control: share(50)
    .default(1)
    .describe('Share of the slice that stays in userspace at all times, to compare with.'),
  sticky: z
    .boolean()
    .default(true)
    .describe('A client is always on the same side. false: each connection takes its chance.'),
  slice: sliceSchema.prefault({}).describe('Who takes part; others stay in userspace, not compared.'),
});
/** How far the rollout is. */
export type RolloutState = z.infer<typeof rolloutSchema>;

/** What a change may name; the rest stays as it is. */
export const rolloutChangeSchema = z.strictObject({
  phase: z.enum(phases).optional(),
  percent: share(100).optional(),
  control: share(50).optional(),
  sticky: z.boolean().optional(),
  slice: z.strictObject(sliceFields).partial().optional(),
});
export type RolloutChange = z.infer<typeof rolloutChangeSchema>;

const ratio = z.number().min(1).max(100);

export const guardSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether it acts; it always compares.'),
  intervalSeconds: z.number().min(0.1).max(60).default(2).describe('Between two samples of the counters.'),
  windowSeconds: z.number().min(1).max(600).default(120).describe('How far back it looks.'),
  minIntervals: z.int().min(4).max(100).default(10).describe('With traffic in both groups, to judge by.'),
  minResponses: z.int().min(1).default(20).describe('Of each group in an interval that counts.'),
  significance: z
    .number()
    .min(0.001)
    .max(0.2)
    .default(0.01)
    .describe('Largest probability of a difference by chance that is taken for one.'),
  consecutive: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('Verdicts in a row before it acts; what came after the first has to confirm them.'),
  errorShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.005)
    .describe('Further errors per response in the canary that make it roll back.'),
  latencyRatio: ratio.default(2).describe('p99 of canary over control that makes it roll back.'),
  cpuRatio: ratio.default(1.5).describe('CPU per byte of canary over control, likewise.'),
  coolDownSeconds: z.number().min(0).max(86_400).default(600).describe('After it rolled back.'),
  steps: z
    .array(z.number().min(0).max(100))
    .max(32)
    .default([])
    .describe('Percentages to go on to by itself; empty: only operators raise it.'),
  stepSeconds: z
    .number()
    .min(1)
    .max(604_800)
    .default(900)
    .describe('How long the groups have to be alike before the next step.'),
  stepConnections: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .default(100)
    .describe('Connections of the canary that the kernel has to have taken before the next step.'),
  stepBytes: z
    .int()
    .min(1)
    .max(2 ** 50)
    .default(64 * 1024 * 1024)
    .describe('Bytes of the canary that the kernel has to have encrypted or decrypted before the next step.'),
});
export type GuardPolicy = z.infer<typeof guardSchema>;
