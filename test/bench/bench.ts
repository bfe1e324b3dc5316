// `make bench`: server CPU for the same work by Sealgate, nginx and a bare loop, side by side in one run.
// Rounds are interleaved, so that what else the machine does hits all alike; a figure is the median of its
// rounds. The server runs on core 0, the client on core 1. Prints a table, writes build/bench/results.json.
// A benchmark, not a test: a bar that is missed is said and does not fail.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { cpuTimes, cpuUse } from './cpu.ts';
import { makeSetup, type Server, type Setup, startFloor, startNginx, startSealgate } from './servers.ts';

const serverCore = 0;
const clientCore = 1;
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const wrkSeconds = Number(process.env.BENCH_SECONDS ?? 4);
const GiB = 2 ** 30;

interface Load {
  /** How many units of work the server did. */
  units: number;
}

interface Scenario {
  name: string;
  file: string;
  unit: string;
  /** Nanoseconds of CPU in the unit that the table shows. */
  scale: number;
  /** Largest ratio to nginx that the project accepts. */
  bar: number;
  /** A server with work for a smaller share of the time was not the bottleneck: its cost is not reported. */
  leastBusy: number;
  /** Whether the bare loop of floor.cc takes part. */
  floor: boolean;
  load(url: string): Promise<Load>;
}

const scenarios: Scenario[] = [
  {
    name: '1 KB, 64 keep-alive connections',
    file: '1k.bin',
    unit: 'µs/request',
    scale: 1e3,
    bar: 0.75,
    // Not higher: one core of wrk takes 12 µs for a request, and its start and end are time without work.
    // A server that waits now and then wakes up more often, so its cost is then an upper bound.
    leastBusy: 0.75,
    floor: true,
    load: wrk,
  },
  {
    name: '1 GiB, one stream',
    file: '1g.bin',
    unit: 's/GiB',
    scale: 1e9,
    bar: 0.95,
    // The one client decrypts about as fast as the server encrypts, so they wait for each other.
    leastBusy: 0,
    floor: true,
    load: download,
  },
  ...(['full', 'resumed'] as const).map((kind) => ({
    name: `handshake, ${kind}, ECDSA P-256, one request on each`,
    file: '1k.bin',
    unit: 'µs/handshake',
    scale: 1e3,
    bar: 1,
    // One client makes one after another: each waits for the other's half.
    leastBusy: 0,
    floor: false,
    load: (url: string) => handshakes(kind, url),
  })),
];

/** One server under one load for some seconds. */
interface Round {
  /** CPU per unit of work, in the scenario's unit. */
  cost: number;
  /** Share of the time in which the server had work to do. */
  busy: number;
}

interface Row {
  scenario: string;
  server: string;
  unit: string;
  rounds: Round[];
  /** Median over the rounds whose bottleneck was the server; absent when those were the smaller half. */
  cost?: number;
  /** Of the medians. */
  ratioToNginx?: number;
}

const run = promisify(execFile);

async function wrk(url: string): Promise<Load> {
  const args = ['-c', `${clientCore}`, 'wrk', '-t1', '-c64', `-d${wrkSeconds}s`, url];
  const { stdout } = await run('taskset', args);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  if (requests === 0 || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk ${url}:\n${stdout}`);
  return { units: requests };
}

async function download(url: string): Promise<Load> {
  const curl = ['curl', '--silent', '--show-error', '--fail', '--insecure', '--http1.1', '-o', '/dev/null'];
  const { stdout } = await run('taskset', ['-c', `${clientCore}`, ...curl, '-w', '%{size_download}', url]);
  if (Number(stdout) !== GiB) throw new Error(`curl ${url}: got ${stdout} bytes, expected ${GiB}`);
  return { units: 1 };
}

async function handshakes(kind: 'full' | 'resumed', url: string): Promise<Load> {
  const { port, pathname } = new URL(url);
  const args = ['-c', `${clientCore}`, 'build/bench/tls_client', port, pathname, 'handshakes', kind];
  const { stdout } = await run('taskset', [...args, `${wrkSeconds}`]);
  return { units: Number(stdout) };
}

async function measure(server: Server, scenario: Scenario): Promise<Round> {
  const before = cpuTimes(server.pid());
  const start = process.hrtime.bigint();
  const { units } = await scenario.load(server.url(scenario.file));
  const wall = Number(process.hrtime.bigint() - start);
  const { ran, busiest } = cpuUse(before, cpuTimes(server.pid()));
  return { cost: ran / units / scenario.scale, busy: busiest / wall };
}

async function compare(scenario: Scenario, servers: Server[]): Promise<Row[]> {
  const measured = servers.map((): Round[] => []);
  // Round 0 warms caches up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, server] of servers.entries()) {
      const result = await measure(server, scenario);
      if (round > 0) measured[index]?.push(result);
    }
  }
  const rows = servers.map(({ name }, index) => rowOf(scenario, name, measured[index] ?? []));
  const nginx = rows.find(({ server }) => server === 'nginx')?.cost;
  if (nginx === undefined) return rows;
  return rows.map((row) => (row.cost === undefined ? row : { ...row, ratioToNginx: row.cost / nginx }));
}

function rowOf(scenario: Scenario, server: string, all: Round[]): Row {
  const row = { scenario: scenario.name, server, unit: scenario.unit, rounds: all };
  const loaded = all.filter(({ busy }) => busy >= scenario.leastBusy);
  return loaded.length * 2 > all.length ? { ...row, cost: median(loaded.map(({ cost }) => cost)) } : row;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function show(scenario: Scenario, rows: Row[]): void {
  const columns = ['median', 'of nginx', 'range', 'busy'];
  console.log(`\n${scenario.name}, server CPU in ${scenario.unit}`);
  console.log(`  ${'server'.padEnd(10)}${columns.map((column) => column.padStart(16)).join('')}`);
  for (const row of rows) console.log(`  ${row.server.padEnd(10)}${figures(row)}`);
  const ratio = rows.find(({ server }) => server === 'sealgate')?.ratioToNginx;
  if (ratio === undefined) return;
  console.log(`  bar: ${scenario.bar} of nginx: ${ratio <= scenario.bar ? 'reached' : 'missed'}`);
}

function figures({ rounds: all, cost, ratioToNginx }: Row): string {
  const share = `${(median(all.map(({ busy }) => busy)) * 100).toFixed(0)} %`;
  if (cost === undefined)
    return `  not reported: it had work for only ${share} of the time; the client was slower`;
  const costs = all.map((round) => round.cost);
  const range = `${Math.min(...costs).toFixed(2)}..${Math.max(...costs).toFixed(2)}`;
  return [cost.toFixed(2), ratioToNginx?.toFixed(2) ?? '', range, share]
    .map((text) => text.padStart(16))
    .join('');
}

function makeFiles(files: string): void {
  writeFileSync(`${files}/1k.bin`, randomBytes(1024));
  const block = randomBytes(2 ** 20);
  const large = openSync(`${files}/1g.bin`, 'w');
  for (let written = 0; written < GiB; written += block.length) writeSync(large, block);
  closeSync(large);
}

async function runScenario(scenario: Scenario, setup: Setup, shared: Server[]): Promise<Row[]> {
  const floor = scenario.floor ? [await startFloor(setup, scenario.file)] : [];
  try {
    const rows = await compare(scenario, [...floor, ...shared]);
    show(scenario, rows);
    return rows;
  } finally {
    for (const server of floor) await server.stop();
  }
}

async function main(): Promise<void> {
  mkdirSync('build/bench', { recursive: true });
  const work = mkdtempSync(resolve('build/bench/work-'));
  const servers: Server[] = [];
  try {
    const setup = makeSetup(work, serverCore);
    makeFiles(setup.files);
    servers.push(await startNginx(setup));
    servers.push(await startSealgate(setup));
    const rows: Row[] = [];
    for (const scenario of scenarios) rows.push(...(await runScenario(scenario, setup, servers)));
    const host = { kernel: release(), processor: cpus()[0]?.model, cores: cpus().length };
    const results = { measured: new Date().toISOString(), host, rounds, wrkSeconds, rows };
    writeFileSync('build/bench/results.json', `${JSON.stringify(results, undefined, 2)}\n`);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
