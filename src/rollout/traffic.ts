// Traffic: a summary of the engine's counters: the share of TLS bytes that the kernel encrypted, response
// times by path and size, CPU per byte by path, and why connections stayed in userspace.

import type { Counters } from '../native/addon.ts';
import { distributionOf, quantile } from './distribution.ts';
import { groupCounts, valuesUnder } from './samples.ts';

/** Bytes of application data over TLS in one direction. */
export interface Share {
  kernel: number;
  all: number;
  /** kernel / all; absent when all is 0. */
  ratio?: number;
}

export interface KernelShare {
  sent: Share;
  received: Share;
}

/** Response times of one path and size class, in seconds. */
export interface PathTimes {
  /** The delivery path, for example `ktls-sendfile` or `tls-file`. */
  delivery: string;
  /** Size class including the head: `64KiB-256KiB` is from 64 KiB on and below 256 KiB. */
  size: string;
  responses: number;
  /** Times from the complete request to the first byte, and from its head to the last byte. */
  firstByte: { p50: number; p99: number };
  completion: { p50: number; p99: number };
}

export interface Traffic {
  /** Length of the time that the counts cover. */
  seconds: number;
  share: KernelShare;
  times: PathTimes[];
  /** CPU seconds per byte sent, by path; absent for paths where bytes or CPU were not measured. */
  cpuPerByte: Record<string, number>;
  /**
   * TLS connections of the canary: all, those with a transfer that the kernel could take, and those it
   * took.
   */
  canary: { connections: number; movable: number; moved: number };
  /** Connections that ended without ever sending through the kernel, by reason. */
  fallbacks: Record<string, number>;
}

export function trafficOf(counts: Counters, seconds: number): Traffic {
  const { none: _, ...fallbacks } = valuesUnder(counts, 'fallback.');
  const all = groupCounts(counts, 'canary', 'group');
  const movable = groupCounts(counts, 'canary', 'movable');
  return {
    seconds,
    share: kernelShare(counts),
    times: pathTimes(counts),
    cpuPerByte: cpuPerByte(counts),
    canary: { connections: all.connections, movable: movable.connections, moved: movable.moved },
    fallbacks,
  };
}

export function kernelShare(counts: Counters): KernelShare {
  return { sent: shareOf(counts, 'tx'), received: shareOf(counts, 'rx') };
}

function shareOf(counts: Counters, direction: 'tx' | 'rx'): Share {
  const bytes = Object.entries(valuesUnder(counts, 'tls_bytes.'));
  const by = (owner: string) =>
    bytes.reduce((sum, [name, value]) => sum + (name.endsWith(`/${direction}/${owner}`) ? value : 0), 0);
  const kernel = by('kernel');
  const all = kernel + by('engine') + by('openssl');
  return { kernel, all, ...(all > 0 && { ratio: kernel / all }) };
}

/** Sorted by path, then by size. */
function pathTimes(counts: Counters): PathTimes[] {
  const firstBytes = grouped(valuesUnder(counts, 'first_byte.'));
  const completions = grouped(valuesUnder(counts, 'completion.'));
  const found = [...completions].map(([label, completion]) => {
    const [delivery = '', size = ''] = label.split('/');
    const last = distributionOf(completion);
    const first = distributionOf(firstBytes.get(label) ?? {});
    const of = (times: typeof last) => ({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
    return { delivery, size, responses: last.count, firstByte: of(first), completion: of(last) };
  });
  const from = ({ size }: PathTimes) => bytesOf(size.split('-')[0] ?? '');
  return found.sort((a, b) => a.delivery.localeCompare(b.delivery) || from(a) - from(b));
}

/** Groups counters named `PATH/SIZE/BOUND` by `PATH/SIZE`; each group maps bounds to counts. */
function grouped(counts: Record<string, number>): Map<string, Record<string, number>> {
  const found = new Map<string, Record<string, number>>();
  for (const [name, count] of Object.entries(counts)) {
    const end = name.lastIndexOf('/');
    const label = name.slice(0, end);
    const buckets = found.get(label) ?? {};
    buckets[name.slice(end + 1)] = count;
    found.set(label, buckets);
  }
  return found;
}

const units: Record<string, number> = { '': 0, KiB: 10, MiB: 20 };

function bytesOf(size: string): number {
  const [, amount = '0', unit = ''] = /^(\d+)(\D*)$/.exec(size) ?? [];
  return Number(amount) * 2 ** (units[unit] ?? 0);
}

/** CPU is sampled: a path without a sample was not measured, so its cost is unknown and it is left out. */
export function cpuPerByte(counts: Counters): Record<string, number> {
  const sent: Record<string, number> = {};
  for (const [name, value] of Object.entries(valuesUnder(counts, 'bytes.'))) {
    const [delivery = ''] = name.split('/');
    sent[delivery] = (sent[delivery] ?? 0) + value;
  }
  const cpu = valuesUnder(counts, 'cpu.');
  const measured = Object.entries(sent).filter(([delivery, bytes]) => bytes > 0 && (cpu[delivery] ?? 0) > 0);
  return Object.fromEntries(
    measured.map(([delivery, bytes]) => [delivery, (cpu[delivery] ?? 0) / 1e9 / bytes]),
  );
}
