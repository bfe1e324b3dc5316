// Read-only views for the dashboard and the commands: status, history, live connections, diagnosis, doctor.

import { statfs } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Config } from '../config/config.ts';
import { runDoctor } from '../doctor/doctor.ts';
import type { Finding } from '../doctor/finding.ts';
import { addon, type ConnectionInfo, type Counters, type KtlsCapability } from '../native/addon.ts';
import type { Operating } from '../protocols/mirror/operating.ts';
import type { Operating as Registries } from '../protocols/oci/operating.ts';
import { faultsOf, type Readiness } from '../readiness.ts';
import { diagnose } from '../rollout/diagnose.ts';
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
import type { Symptom } from '../rollout/symptom.ts';
import { type KernelShare, kernelShare, type Traffic, trafficOf } from '../rollout/traffic.ts';
import type { ScrubStatus } from '../store/scrubber.ts';
import { quarantined } from '../store/side_folders.ts';
import type { Store } from '../store/store.ts';
import type { Baseline } from './baseline.ts';
import { largestBuckets } from './bucket_metrics.ts';
import { buildCachesOf } from './builds_view.ts';
import type { Collecting } from './collecting.ts';
import { upstreamsOf } from './mirrors_view.ts';
import { playersBySite } from './players_view.ts';
import { pointsIn } from './point_metrics.ts';
import type { Purging } from './purging.ts';
import { busiestSites } from './site_metrics.ts';
import { readTlsStat } from './tls_stat.ts';
import type { ControlEnv } from './who.ts';

/** Seconds of the past that a diagnosis covers. */
const diagnosisWindow = 300;
/** Seconds that the traffic view ("the last minutes") covers. */
const trafficWindow = 300;
const maxConnections = 500;
const mostSites = 50;
const mostRepositories = 50;
/** Milliseconds for which the doctor's findings are cached. */
const doctorAge = 60_000;

export interface ViewServices {
  config: Config;
  operation: Operation;
  baseline: Baseline;
  ktls: KtlsCapability[];
  state(): string;
  sentinel(): SentinelStatus | undefined;
  /** Undefined: it is off. */
  scrub(): ScrubStatus | undefined;
  collector: Collecting;
  purges: Purging;
  mirrors: Pick<Operating, 'status' | 'buildCaches'>;
  registries: Pick<Registries, 'largest'>;
  /** Totals of the server. */
  counters(): Counters;
  readiness: Readiness;
  content: { store: Pick<Store, 'buckets' | 'usage'> };
  /** What was answered for each site (site_metrics.ts). */
  sites(): Counters;
  /** At most `limit` connections of each worker. */
  connections(limit: number): Promise<ConnectionInfo[]>;
}

/** One sampling interval, as the charts draw it. */
export interface Point {
  /** Time of the interval's end, milliseconds since the epoch. */
  at: number;
  seconds: number;
  /** Bytes sent, by delivery path. */
  bytes: Record<string, number>;
  responses: number;
  handshakes: number;
  errors: Record<string, number>;
  /** CPU seconds by delivery path, and for `handshake`. */
  cpuSeconds: Record<string, number>;
  /** CPU seconds per byte; absent when there were no bytes or their CPU was not sampled. */
  canary?: number;
  control?: number;
  /** Application data over TLS, in both directions. */
  share: KernelShare;
  /** TLS connections that moved into the kernel. */
  moved: number;
  /** Connections that ended without ever sending through the kernel, by reason. */
  fallbacks: Record<string, number>;
  /** 99th percentile of the seconds until the first and the last byte; absent without responses. */
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

async function spaceOf(folder: string): Promise<{ freeBytes: number; bytes: number }> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, bytes: blocks * bsize };
}

async function status(services: ViewServices) {
  const { config, operation, ktls, state, sentinel, scrub, collector, purges, content, sites } = services;
  const mirrors = services.mirrors.status();
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
    store: { root: config.store, ...(await spaceOf(config.store)) },
    buckets: largestBuckets(content.store),
    sites: busiestSites(sites(), mostSites),
    players: playersBySite(sites(), mostSites),
    points: pointsIn(sites()).slice(0, mostSites),
    mirrors,
    upstreams: mirrors.length > 0 ? upstreamsOf(mirrors, services.counters(), sites()) : [],
    builds: buildCachesOf(services.mirrors.buildCaches().slice(0, mostSites), sites()),
    repositories: await services.registries.largest(mostRepositories),
    scrub: scrub(),
    collection: collector.status(),
    purges: purges.status(),
    kernel: readTlsStat(),
    traffic: traffic(operation.samples),
  };
}

/** Traffic of the last minutes, plus the kernel's share since the last change and since the start. */
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
  /** Traffic in the same window, also when there are no symptoms. */
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
    totals: operation.samples.total().counts,
    unready: await faultsOf(services.sentinel(), services.readiness),
    space: await spaceOf(config.store).catch(() => undefined),
    scrub: services.scrub(),
    points: pointsIn(services.sites()),
  });
  const windowSeconds = intervals.reduce((sum, { seconds }) => sum + seconds, 0);
  return { windowSeconds, symptoms, traffic: traffic(operation.samples) };
}

const movable = (counts: Counters, group: 'canary' | 'control') => groupCounts(counts, group, 'movable');

function point({ at, seconds, counts }: Interval): Point {
  const bytes: Record<string, number> = {};
  for (const [name, value] of Object.entries(valuesUnder(counts, 'bytes.'))) {
    const [delivery = ''] = name.split('/');
    bytes[delivery] = (bytes[delivery] ?? 0) + value;
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
  const cpu = Object.entries(valuesUnder(counts, 'cpu.')).map(([delivery, value]) => [delivery, value / 1e9]);
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
