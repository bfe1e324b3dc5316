// What the dashboard and the commands look at: state, what happened lately, live connections, the diagnosis.

import { statfs } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Config } from '../config.ts';
import { runDoctor } from '../doctor/doctor.ts';
import type { Finding } from '../doctor/finding.ts';
import { addon, type ConnectionInfo, type Counters, type KtlsCapability } from '../native/addon.ts';
import { diagnose, type Symptom } from '../rollout/diagnose.ts';
import { quantile } from '../rollout/distribution.ts';
import type { Operation } from '../rollout/operation.ts';
import {
  type GroupCounts,
  groupCounts,
  type Interval,
  type Samples,
  sumOf,
  valuesUnder,
} from '../rollout/samples.ts';
import type { SentinelStatus } from '../rollout/sentinel.ts';
import { type KernelShare, kernelShare, type Traffic, trafficOf } from '../rollout/traffic.ts';
import { quarantined } from '../store/side_folders.ts';
import type { Baseline } from './baseline.ts';
import { readTlsStat } from './tls_stat.ts';
import type { ControlEnv } from './who.ts';

/** Seconds that a diagnosis looks back. */
const diagnosisWindow = 300;
/** Seconds that "the last minutes" are. */
const trafficWindow = 300;
const maxConnections = 500;
/** Milliseconds that the doctor's findings are good for. */
const doctorAge = 60_000;

export interface ViewServices {
  config: Config;
  operation: Operation;
  baseline: Baseline;
  ktls: KtlsCapability[];
  state(): string;
  sentinel(): SentinelStatus | undefined;
  /** Up to `limit` of each worker. */
  connections(limit: number): Promise<ConnectionInfo[]>;
}

/** One interval of the samples, as charts draw it. */
export interface Point {
  /** Milliseconds since the epoch, and how long it was. */
  at: number;
  seconds: number;
  /** By path. */
  bytes: Record<string, number>;
  responses: number;
  handshakes: number;
  errors: Record<string, number>;
  /** By path, and `handshake`. */
  cpuSeconds: Record<string, number>;
  /** CPU seconds a byte; absent where there were no bytes, or none of their CPU was sampled. */
  canary?: number;
  control?: number;
  /** Application data by TLS, in both directions. */
  share: KernelShare;
  /** TLS connections that the kernel took a direction of. */
  moved: number;
  /** Connections that ended without the kernel having sent, by reason. */
  fallbacks: Record<string, number>;
  /** Seconds until the first byte and the last, of 99 in 100 responses; absent without responses. */
  p99: Partial<Record<'canary' | 'control', { firstByte: number; completion: number }>>;
}

export function viewRoutes(services: ViewServices): Hono<ControlEnv> {
  const { operation, connections } = services;
  const app = new Hono<ControlEnv>();
  const doctor = cached(() => runDoctor(services.config, true));
  app.get('/status', async (c) => c.json(await status(services)));
  app.get('/history', (c) => c.json({ points: operation.samples.intervals().map(point) }));
  app.get('/connections', async (c) => {
    const live = await connections(maxConnections);
    return c.json({ connections: live.sort((a, b) => b.sent - a.sent).slice(0, maxConnections) });
  });
  app.get('/diagnosis', async (c) => c.json(await diagnosis(services)));
  app.get('/doctor', async (c) => c.json({ findings: await doctor() }));
  return app;
}

async function status({ config, operation, ktls, state, sentinel }: ViewServices) {
  const space = await statfs(config.store);
  return {
    state: state(),
    pid: process.pid,
    upSeconds: Math.round(process.uptime()),
    workers: config.workers,
    openssl: addon.libraries().openssl,
    rollout: operation.rollout.view(),
    guard: operation.guard.status(),
    sentinel: sentinel(),
    ktls,
    store: { root: config.store, freeBytes: space.bavail * space.bsize, bytes: space.blocks * space.bsize },
    kernel: readTlsStat(),
    traffic: traffic(operation.samples),
  };
}

/** Traffic of the last minutes, and the kernel's share of it also since the last change and in total. */
export interface TrafficView extends Traffic {
  since: { change: { seconds: number; share: KernelShare }; start: { seconds: number; share: KernelShare } };
}

export function traffic(samples: Samples): TrafficView {
  const lately = samples.intervals(Date.now() - trafficWindow * 1000);
  const shareOf = ({ seconds, counts }: ReturnType<Samples['total']>) => ({
    seconds,
    share: kernelShare(counts),
  });
  return {
    ...trafficOf(
      sumOf(lately),
      lately.reduce((sum, { seconds }) => sum + seconds, 0),
    ),
    since: { change: shareOf(samples.sinceChange()), start: shareOf(samples.total()) },
  };
}

export interface Diagnosis {
  windowSeconds: number;
  symptoms: Symptom[];
  /** Of the same time, whether or not anything is odd. */
  traffic: TrafficView;
}

async function diagnosis(services: ViewServices): Promise<Diagnosis> {
  const { config, operation, baseline } = services;
  const intervals = operation.samples.intervals(Date.now() - diagnosisWindow * 1000);
  const symptoms = diagnose({
    counts: sumOf(intervals),
    rollout: operation.rollout.view(),
    guard: operation.guard.status(),
    kernel: baseline.kernel.sinceStart(),
    devices: baseline.devices(),
    connections: await services.connections(maxConnections),
    quarantined: (await quarantined(config.store).catch(() => [])).length,
  });
  const windowSeconds = intervals.reduce((sum, { seconds }) => sum + seconds, 0);
  return { windowSeconds, symptoms, traffic: traffic(operation.samples) };
}

const movable = (counts: Counters, group: 'canary' | 'control') => groupCounts(counts, group, 'movable');

function point({ at, seconds, counts }: Interval): Point {
  const bytes: Record<string, number> = {};
  for (const [name, value] of Object.entries(valuesUnder(counts, 'bytes.'))) {
    const [path = ''] = name.split('/');
    bytes[path] = (bytes[path] ?? 0) + value;
  }
  const groups = { canary: movable(counts, 'canary'), control: movable(counts, 'control') };
  const perByte = (group: 'canary' | 'control') => {
    const { cpuSeconds, bytes: sent, received } = groups[group];
    return cpuSeconds > 0 && sent + received > 0 ? { [group]: cpuSeconds / (sent + received) } : {};
  };
  const slowest = ({ firstByte, completion }: GroupCounts) => ({
    firstByte: quantile(firstByte, 0.99),
    completion: quantile(completion, 0.99),
  });
  const answered = Object.entries(groups).filter(([, { responses }]) => responses > 0);
  const { none: _, ...fallbacks } = valuesUnder(counts, 'fallback.');
  const cpu = Object.entries(valuesUnder(counts, 'cpu.')).map(([path, value]) => [path, value / 1e9]);
  return {
    at,
    seconds,
    bytes,
    responses: Object.values(valuesUnder(counts, 'responses.')).reduce((sum, count) => sum + count, 0),
    handshakes: counts.handshakes ?? 0,
    errors: valuesUnder(counts, 'errors.'),
    cpuSeconds: Object.fromEntries(cpu),
    ...perByte('canary'),
    ...perByte('control'),
    share: kernelShare(counts),
    moved: counts.ktls_switched ?? 0,
    fallbacks,
    p99: Object.fromEntries(answered.map(([group, times]) => [group, slowest(times)])),
  };
}

function cached(find: () => Promise<Finding[]>): () => Promise<Finding[]> {
  let found: { at: number; findings: Promise<Finding[]> } | undefined;
  return () => {
    if (!found || performance.now() - found.at > doctorAge)
      found = { at: performance.now(), findings: find() };
    return found.findings;
  };
}
