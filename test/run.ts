// Runs the parts of the test suite that it is given by name and ends with one line that sums them:
// `N passed, N failed, N skipped`. Exits 1 when anything failed, or when nothing ran.
// With EXPECT_KTLS=1 a skip in a kernel that was booted for the tests is also a failure; ktls-current depends
// on the machine.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, delimiter, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { addOutcomes, type Outcomes, outcomesOfDoctest, outcomesOfJunit } from './outcomes.ts';

/** One program of a part. Its outcomes are in the JUnit file it writes, else in its output or exit status. */
interface Step {
  command: string[];
  report?: string;
}

const reports = 'build/reports';
const stepTimeoutMs = 45 * 60_000;
const fuzzSeconds = 20;
/** test/kernel/in-kernel.sh: there is no kernel with kTLS to run in, and the reason was printed. */
const skipStatus = 77;

const ktlsTests = testsUnder('test/ktls');
// They count instructions of the engine alone, on whichever runtime.
const budgetTests = testsUnder('test/budget');
/**
 * What runs on Node alone, as the same of it would be seen from every runtime: what speaks to the engine
 * record by record or frame by frame; a browser, caches, encoders and Bazel, which know nothing but HTTP of
 * the server; programs that are Node's in any case; and in other folders what is in on_node_alone: real
 * clients and stores, what the engine and the disk do, and long races.
 */
const nodeFolders = ['page', 'crash', 'caches', 'http1', 'http2', 'tls', 'hostile', 'encoders', 'builds'];
const onNodeAlone = [
  ...nodeFolders.flatMap((folder) => testsUnder(`test/${folder}`)),
  ...testsUnder('test').filter((file) => file.includes('/on_node_alone/')),
];
// They take a file system that on-file-system.sh makes.
const onFileSystems = testsUnder('test/kernel');
const elsewhere = [...ktlsTests, ...budgetTests, ...onNodeAlone, ...onFileSystems];
const hostTests = testsUnder('test').filter((file) => !elsewhere.includes(file));
// Tests that start no process.
const quickTests = hostTests.filter((file) =>
  /^test\/(native|protocols|sites|objects|auth|engine|rollout|documents)\/|^test\/tidy/.test(file),
);

const parts: Record<string, () => Step[]> = {
  native: () => programs('build/test'),
  asan: () => programs('build/asan'),
  fuzz: () => programs('build/fuzz').map(fuzz),
  quick: () => [onNode('quick', quickTests)],
  budget: () => [onNode('budget', budgetTests)],
  node: () => [onNode('node', [...hostTests, ...onNodeAlone])],
  bun: () => [onBun(hostTests)],
  deno: () => [onDeno(hostTests)],
  'ktls-current': () => inKernel('current'),
  'ktls-old': () => inKernel('old'),
  'ktls-qemu': () => inKernel('old-qemu', []),
  'ktls-new': () => inKernel('new'),
};

const booted = ['ktls-old', 'ktls-qemu', 'ktls-new'];
/**
 * Which parts run side by side: lanes, each of parts one after another. Tests wait most of their time, Bun
 * and Deno run a file at a time, and a user-mode kernel has one processor.
 */
const lanes = [
  [['native', 'asan', 'budget'], ['fuzz']],
  [['node'], ['bun', 'deno']],
  booted.map((part) => [part]),
];

function testsUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`)
    .sort();
}

function programs(folder: string): Step[] {
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  return names
    .filter((name) => /_(test|fuzz)$/.test(name))
    .map((name) => ({ command: [`${folder}/${name}`] }));
}

/** New and crashing inputs go to build/fuzz/found; the corpus in the repository is only read. */
function fuzz({ command: [program = ''] }: Step): Step {
  const found = `build/fuzz/found/${basename(program)}`;
  mkdirSync(found, { recursive: true });
  const corpus = `native/fuzz/corpus/${basename(program)}`;
  const bounds = [
    `-max_total_time=${fuzzSeconds}`,
    '-timeout=5',
    '-rss_limit_mb=2048',
    `-artifact_prefix=${found}/`,
  ];
  return {
    command: [program, ...bounds, '-print_final_stats=1', found, ...(existsSync(corpus) ? [corpus] : [])],
  };
}

/** Readable lines on stderr, the report on stdout and from there into its file. */
function onNode(part: string, files: string[], concurrency = 2): Step {
  const report = `${reports}/${part}.xml`;
  const reporters = [
    ['--test-reporter=spec', '--test-reporter-destination=stderr'],
    ['--test-reporter=junit', '--test-reporter-destination=stdout'],
  ].flat();
  const bounds = [`--test-concurrency=${concurrency}`, '--test-timeout=900000'];
  const options = ['--import', 'tsx', '--test', ...bounds];
  return {
    command: ['sh', '-c', 'exec "$@" > "$0"', report, 'node', ...options, ...reporters, ...files],
    report,
  };
}

function onBun(files: string[]): Step {
  const report = `${reports}/bun.xml`;
  const options = ['--timeout=300000', '--reporter=junit', `--reporter-outfile=${report}`];
  return { command: ['bun', 'test', ...options, ...files.map((file) => `./${file}`)], report };
}

function onDeno(files: string[]): Step {
  const report = `${reports}/deno.xml`;
  return { command: ['deno', 'test', '-A', '--no-check', `--junit-path=${report}`, ...files], report };
}

/**
 * The suite about kernel TLS, one file after another, as they read what the kernel counts for all: in the
 * running kernel, in one without (`old`) and one with (`new`) rekey. `old-qemu`, which is slow and may be the
 * one that stands for `old`, runs the C++ tests alone: they show that it boots and has kernel TLS, and what
 * seals are worth on three file systems. `new`, which is quick, shows what a server does about a disk that
 * fails.
 */
function inKernel(kernel: 'current' | 'old' | 'old-qemu' | 'new', files = ktlsTests): Step[] {
  const unit = programs('build/test').filter(({ command: [name = ''] }) => /\/ktls\w*_test$/.test(name));
  // The one of these kernels that has fs-verity.
  if (kernel === 'old-qemu') unit.push(...seals());
  if (kernel === 'new') unit.push(onFileSystem('btrfs', 'test/kernel/a_damaged_disk.test.ts'));
  const steps = files.length > 0 ? [...unit, onNode(`ktls-${kernel}`, files, 1)] : unit;
  return steps.map((step) => ({
    ...step,
    command: ['test/kernel/in-kernel.sh', kernel, '--', ...step.command],
  }));
}

/** What seals are worth, for root and for somebody who has no rights but to his files. */
function seals(): Step[] {
  const on = 'test/kernel/on-file-system.sh';
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const unit = 'build/test/seal_level_test';
  return [
    { command: [on, 'ext4', unit] },
    { command: [on, 'ext4', ...nobody, unit] },
    { command: [on, 'btrfs', unit] },
    { command: [on, 'xfs', unit] },
    onFileSystem('ext4', 'test/kernel/fs_verity.test.ts'),
  ];
}

function onFileSystem(kind: string, test: string): Step {
  const report = `on-${kind}`;
  const { command } = onNode(report, [test], 1);
  return { command: ['test/kernel/on-file-system.sh', kind, ...command], report: `${reports}/${report}.xml` };
}

/** Passes what the program prints on, line by line. Status 255 also stands for an end by a signal. */
function run(
  [program = '', ...args]: string[],
  label: string,
): Promise<{ status: number; output: string; errors: string }> {
  const path = [resolve('.tools/node_modules/.bin'), process.env.PATH].join(delimiter);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // What users run, and it starts three times faster than its source does.
    env: { ...process.env, PATH: path, SEALGATE_TEST_BUILD: '1' },
    timeout: stepTimeoutMs,
  });
  const output = passedOn(child.stdout, process.stdout, label);
  const errors = passedOn(child.stderr, process.stderr, label);
  return new Promise((done) => {
    child.on('error', (error) => done({ status: 255, output: '', errors: error.message }));
    child.on('close', (status) => done({ status: status ?? 255, output: output(), errors: errors() }));
  });
}

function passedOn(from: Readable, to: Writable, label: string): () => string {
  const lines: string[] = [];
  createInterface({ input: from }).on('line', (line) => {
    lines.push(line);
    to.write(`${label}${line}\n`);
  });
  return () => lines.join('\n');
}

async function outcomesOf(step: Step, label: string): Promise<Outcomes> {
  const name = step.command.join(' ');
  console.log(`\n# ${name.length > 200 ? `${name.slice(0, 200)} ...` : name}`);
  if (step.report) rmSync(step.report, { force: true });
  const { status, output, errors } = await run(step.command, label);
  if (status === skipStatus)
    return { passed: 0, failed: 0, failures: [], skips: [lastLine(errors).replace(/^SKIP: /, '')] };
  const outcomes = step.report ? reported(step.report) : outcomesOfDoctest(output);
  if (!outcomes) {
    const failures = status === 0 ? [] : [`${step.command[0]}: status ${status}`];
    return { passed: status === 0 ? 1 : 0, failed: failures.length, failures, skips: [] };
  }
  const silentFailure = status !== 0 && outcomes.failed === 0;
  if (!silentFailure) return outcomes;
  const ended = `${step.command[0]}: ended with status ${status} though no test failed`;
  return { ...outcomes, failed: 1, failures: [[ended, ...outsideOfTests(errors)].join('\n    ')] };
}

/** What Bun says of an error that came outside of tests: the file, a headline and the error. */
function outsideOfTests(errors: string): string[] {
  const lines = errors.split('\n');
  return lines.flatMap((line, at) => {
    if (!line.includes('Unhandled error between tests')) return [];
    const file = lines.slice(0, at).findLast((each) => each.endsWith('.test.ts:'));
    return [file ?? '', ...lines.slice(at, at + 8)].filter((each) => each.trim() !== '');
  });
}

function reported(file: string): Outcomes {
  if (existsSync(file)) return outcomesOfJunit(readFileSync(file, 'utf8'));
  const failures = [`${file}: the test runner ended before it wrote its report`];
  return { passed: 0, failed: 1, failures, skips: [] };
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

async function outcomesOfPart(part: string, label = ''): Promise<Outcomes> {
  let sum: Outcomes = { passed: 0, failed: 0, failures: [], skips: [] };
  const began = performance.now();
  for (const step of parts[part]?.() ?? []) sum = addOutcomes(sum, await outcomesOf(step, label));
  took.set(part, Math.round((performance.now() - began) / 1000));
  const skipsFail = booted.includes(part) && process.env.EXPECT_KTLS === '1';
  return skipsFail ? { ...sum, failed: sum.failed + sum.skips.length } : sum;
}

/** The chosen parts as lanes that run side by side; these groups come one after another. */
function grouped(names: string[]): string[][][] {
  const alone = names.filter((name) => !lanes.flat(2).includes(name)).map((name) => [[name]]);
  return [...lanes, ...alone]
    .map((group) => group.map((lane) => lane.filter((part) => names.includes(part))))
    .map((group) => group.filter((lane) => lane.length > 0))
    .filter((group) => group.length > 0);
}

const chosen = process.argv.slice(2);
const unknown = chosen.filter((part) => !(part in parts));
if (chosen.length === 0 || unknown.length > 0) {
  console.error(
    `usage: run.ts PART...\nunknown: ${unknown.join(' ')}\nparts: ${Object.keys(parts).join(' ')}`,
  );
  process.exit(2);
}
mkdirSync(reports, { recursive: true });
const results = new Map<string, Outcomes>();
/** Seconds. */
const took = new Map<string, number>();
for (const group of grouped(chosen)) {
  const isAlone = group.length === 1;
  const running = group.map(async (lane) => {
    for (const part of lane) results.set(part, await outcomesOfPart(part, isAlone ? '' : `${part}: `));
  });
  await Promise.all(running);
}

console.log('');
for (const part of chosen) {
  const { passed, failed, skips } = results.get(part) as Outcomes;
  console.log(
    `${part.padEnd(10)} ${passed} passed, ${failed} failed, ${skips.length} skipped in ${took.get(part)} s`,
  );
  for (const skip of skips) console.log(`  skipped: ${skip}`);
}
// Last, so that they stand where a reader of a long log looks first.
for (const [part, { failures }] of results)
  for (const failure of failures) console.log(`failed in ${part}: ${failure}`);
const total = [...results.values()].reduce(addOutcomes);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skips.length} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
