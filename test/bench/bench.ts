// `make bench`: server CPU for the same work by Sealgate, nginx and a bare loop, side by side in one run.
// Rounds are interleaved, so that what else the machine does hits all alike; a figure is the median of its
// rounds. The server runs on core 0, the client on core 1. Prints a table, writes build/bench/results.json.
// One core of clients is slower than a good server, and a server that waits for work costs more for each request
// than a loaded one. So where it matters a busy loop shares core 0: it slows all servers alike.
// A benchmark, not a test: a bar that is missed is said and does not fail.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { cpuTimes, cpuUse } from './cpu.ts';
import { type Server, type Setup, startFloor, startNginx, startSealgate } from './servers.ts';

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
  /** A busy loop shares the server's core. */
  contended: boolean;
  /** A server that had work for a smaller share of the time was not the bottleneck: its cost is not reported. */
  leastBusy: number;
  load(url: string): Promise<Load>;
}

const scenarios: Scenario[] = [
  {
    name: '1 KB, 64 keep-alive connections',
    file: '1k.bin',
    unit: 'µs/request',
    scale: 1e3,
    bar: 0.75,
    contended: true,
    // Of wall time that includes the start and the end of wrk.
    leastBusy: 0.85,
    load: wrk,
  },
  {
    name: '1 GiB, one stream',
    file: '1g.bin',
    unit: 's/GiB',
    scale: 1e9,
    bar: 0.95,
    contended: false,
    // The one client decrypts about as fast as the server encrypts, so they wait for each other.
    leastBusy: 0,
    load: download,
  },
];

interface Row {
  scenario: string;
  server: string;
  unit: string;
  /** One a round. */
  cpu: number[];
  median: number;
  /** Share of the time in which the server had work to do, median. */
  busy: number;
  ratioToNginx: number;
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

/** CPU per unit, nanoseconds, and the share of the time in which the server had work. */
async function measure(server: Server, scenario: Scenario): Promise<{ cpu: number; busy: number }> {
  const before = cpuTimes(server.pid());
  const start = process.hrtime.bigint();
  const { units } = await scenario.load(server.url(scenario.file));
  const wall = Number(process.hrtime.bigint() - start);
  const { ran, busiest } = cpuUse(before, cpuTimes(server.pid()));
  return { cpu: ran / units, busy: busiest / wall };
}

function startBusyLoop(): () => void {
  const loop = spawn('taskset', ['-c', `${serverCore}`, 'sh', '-c', 'while :; do :; done']);
  const stop = () => void loop.kill('SIGKILL');
  process.once('exit', stop);
  return stop;
}

async function compare(scenario: Scenario, servers: Server[]): Promise<Row[]> {
  const measured = servers.map(() => [] as { cpu: number; busy: number }[]);
  // Round 0 warms caches up and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, server] of servers.entries()) {
      const result = await measure(server, scenario);
      if (round > 0) measured[index]?.push(result);
    }
  }
  const costs = measured.map((results) => results.map(({ cpu }) => cpu / scenario.scale));
  const nginx = median(costs[servers.findIndex(({ name }) => name === 'nginx')] ?? []);
  return servers.map(({ name }, index) => {
    const cpu = costs[index] ?? [];
    const busy = median((measured[index] ?? []).map((result) => result.busy));
    const { name: scenarioName, unit } = scenario;
    return {
      scenario: scenarioName,
      server: name,
      unit,
      cpu,
      median: median(cpu),
      busy,
      ratioToNginx: median(cpu) / nginx,
    };
  });
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function show(scenario: Scenario, rows: Row[]): void {
  console.log(`\n${scenario.name}`);
  console.log(
    `  ${'server'.padEnd(10)}${scenario.unit.padStart(12)}   range             of nginx        busy`,
  );
  for (const row of rows) console.log(`  ${row.server.padEnd(10)}${figures(scenario, row)}`);
  const ours = rows.find(({ server }) => server === 'sealgate');
  if (!ours || ours.busy < scenario.leastBusy) return;
  const verdict = ours.ratioToNginx <= scenario.bar ? 'reached' : 'missed';
  console.log(`  bar: ${scenario.bar} of nginx: ${verdict} with ${ours.ratioToNginx.toFixed(2)}`);
}

function figures(scenario: Scenario, { cpu, median: middle, busy, ratioToNginx }: Row): string {
  const share = `${(busy * 100).toFixed(0)} %`;
  if (busy < scenario.leastBusy)
    return `  not reported: it had work for only ${share} of the time, the client was the bottleneck`;
  const range = `${Math.min(...cpu).toFixed(2)}..${Math.max(...cpu).toFixed(2)}`;
  const cost = `${middle.toFixed(2).padStart(12)}   ${range.padEnd(18)}`;
  return `${cost}${ratioToNginx.toFixed(2).padStart(8)}${share.padStart(12)}`;
}

function makeSetup(work: string): Setup {
  const setup = {
    core: serverCore,
    work,
    files: `${work}/files`,
    certificate: `${work}/certificate.pem`,
    key: `${work}/key.pem`,
  };
  mkdirSync(setup.files);
  writeFileSync(`${setup.files}/1k.bin`, randomBytes(1024));
  const block = randomBytes(2 ** 20);
  const large = openSync(`${setup.files}/1g.bin`, 'w');
  for (let written = 0; written < GiB; written += block.length) writeSync(large, block);
  closeSync(large);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', setup.key];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', setup.certificate, ...subject], { stdio: 'pipe' });
  return setup;
}

async function runScenario(scenario: Scenario, setup: Setup, shared: Server[]): Promise<Row[]> {
  const floor = await startFloor(setup, scenario.file);
  const stopBusyLoop = scenario.contended ? startBusyLoop() : () => {};
  try {
    const rows = await compare(scenario, [floor, ...shared]);
    show(scenario, rows);
    return rows;
  } finally {
    stopBusyLoop();
    await floor.stop();
  }
}

async function main(): Promise<void> {
  mkdirSync('build/bench', { recursive: true });
  const work = mkdtempSync(resolve('build/bench/work-'));
  const servers: Server[] = [];
  try {
    const setup = makeSetup(work);
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
