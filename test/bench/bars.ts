// Bars: the goals of the project, as ratios of two rows of one run or as absolute values.

import type { Row, Verdict } from './results.ts';

interface Bar {
  scenario: string;
  /** The row that is judged, and the row that it is divided by; without one the value itself is judged. */
  server: string;
  against?: string;
  atMost: number;
  atLeast?: number;
}

const nginx = (scenario: string, atMost: number): Bar => ({
  scenario,
  server: 'sealgate',
  against: 'nginx',
  atMost,
});
const floor = (scenario: string, atMost: number): Bar => ({
  scenario,
  server: 'sealgate',
  against: 'floor',
  atMost,
});
/** Beside Debian's docker-registry. @param row what follows the server in the names of both rows. */
const peer = (scenario: string, row: string, atMost: number): Bar => ({
  scenario: `registry ${scenario}`,
  server: `sealgate${row}`,
  against: `docker-registry${row}`,
  atMost,
});
/** The value is at most a tenth above the other row's. */
const flat = (scenario: string, server: string, against: string): Bar => ({
  scenario,
  server,
  against,
  atMost: 1.1,
  atLeast: 0.9,
});

const bars: Bar[] = [
  nginx('1k tls', 0.6),
  floor('1k tls', 1.15),
  nginx('1k plain', 0.6),
  floor('1k plain', 1.15),
  nginx('100k tls', 0.8),
  nginx('1g tls', 0.8),
  // At least 0.75 of the cipher's own throughput.
  { scenario: '1g tls', server: 'sealgate', against: 'openssl speed aes-128-gcm', atMost: 1 / 0.75 },
  nginx('1g plain', 1),
  nginx('1k http2', 0.4),
  nginx('1m http2', 0.8),
  { scenario: '1m http2', server: 'sealgate', against: 'h2o', atMost: 0.8 },
  nginx('1g ktls', 1),
  nginx('100k ktls', 0.8),
  // 40,000 objects per second from an application thread and a worker, each on its own core.
  { scenario: 'long tail', server: 'sealgate, busiest thread', atMost: 25 },
  { scenario: 'long tail', server: 'sealgate', against: 'nginx without open_file_cache', atMost: 1.5 },
  { scenario: 'cold', server: 'sealgate, cold readers', against: 'sealgate alone', atMost: 2 },
  { scenario: 'upload', server: 'sealgate', against: 'sha256 and write', atMost: 1.25 },
  { scenario: 'memory', server: 'sealgate beyond node', atMost: 60 },
  { scenario: 'connection memory tls', server: 'sealgate', against: 'nginx', atMost: 0.5 },
  { scenario: 'connection memory ktls', server: 'sealgate', against: 'nginx', atMost: 0.5 },
  { scenario: 'start', server: 'sealgate', atMost: 300 },
  {
    scenario: 'growing readers tls',
    server: 'sealgate, pieces of 64 KiB',
    against: 'sealgate, stored',
    atMost: 1.3,
  },
  { scenario: 'mirror first byte tls', server: 'sealgate, last of 100', atMost: 50 },
  peer('layers', '', 0.6),
  peer('layers', ', skopeo', 0.6),
  peer('manifests', ', tag', 0.3),
  peer('manifests', ', digest', 0.3),
  peer('connections', ', full', 0.3),
  peer('connections', ', resumed', 0.3),
  peer('push', ', PATCH', 0.8),
  peer('push', ', PUT', 0.8),
  flat('growth objects', 'sealgate, 10^4 objects', 'sealgate, 10^2 objects'),
  flat('growth objects', 'sealgate, 10^6 objects', 'sealgate, 10^2 objects'),
  flat('growth connections', 'sealgate, 100 connections', 'sealgate, 1 connection'),
  flat('growth connections', 'sealgate, 10000 connections', 'sealgate, 1 connection'),
];

/** One verdict for each bar of these scenarios. */
export function judge(rows: Row[], scenarios: string[]): Verdict[] {
  return bars.filter(({ scenario }) => scenarios.includes(scenario)).map((bar) => judgeOne(bar, rows));
}

function judgeOne({ scenario, server, against, atMost, atLeast = 0 }: Bar, rows: Row[]): Verdict {
  const find = (name: string) => rows.find((row) => row.scenario === scenario && row.server === name);
  const judged = find(server);
  const base = against === undefined ? 1 : find(against)?.value;
  const of = against === undefined ? judged?.unit : `of ${against}`;
  const least = atLeast > 0 ? `${atLeast} to ` : 'at most ';
  const bar = `${server}: ${least}${Number(atMost.toFixed(2))} ${of ?? ''}`.trimEnd();
  if (judged?.value === undefined || base === undefined) return { scenario, bar, verdict: 'not measured' };
  const measured = judged.value / base;
  const verdict = measured <= atMost && measured >= atLeast ? 'reached' : 'missed';
  return { scenario, bar, verdict, measured };
}
