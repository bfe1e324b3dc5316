// Runs the kernel TLS scenarios: this benchmark once more, in a kernel with kernel TLS.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Settings } from './context.ts';
import type { Row } from './results.ts';
import type { Scenario } from './scenarios/scenario.ts';

/** The emulated cipher runs at about 80 MB/s, so a GiB takes 13 s. */
const mostRounds = 2;
const mostSeconds = 900;
/** Space for 1 GiB twice, as a file and in the store, on a tmpfs of three quarters of the memory. */
const memory = '5120M';
/** Exit status of test/kernel/in-kernel.sh when there is no kernel with kernel TLS. */
const noKernel = 77;

/** @param file where the inner run writes its rows. */
export async function runInKernel(chosen: Scenario[], settings: Settings, file: string): Promise<Row[]> {
  const { rounds, seconds } = settings;
  const names = chosen.map(({ name }) => name).join(',');
  const options = ['--rounds', `${Math.min(rounds, mostRounds)}`, '--seconds', `${seconds}`, '--rows', file];
  const inner = ['node', '--import', 'tsx', 'test/bench/bench.ts', ...options, names];
  const kernel = ['--seconds', `${mostSeconds}`, '--memory', memory, 'new', '--', ...inner];
  // Its output is progress, because the console mixes standard output and standard error.
  const child = spawn('test/kernel/in-kernel.sh', kernel, {
    stdio: ['ignore', process.stderr, process.stderr],
  });
  const [status] = await once(child, 'exit');
  if (status === 0) return JSON.parse(readFileSync(file, 'utf8'));
  const why =
    status === noKernel
      ? 'not measured: no kernel with kernel TLS could be had; the reason is above'
      : `not measured: the run inside of the kernel ended with status ${status}; see above`;
  return chosen.map(({ name }) => ({ scenario: name, server: 'sealgate', unit: '', why }));
}
