// promtool, the checker that comes with Prometheus.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Outcome, outcome, root } from '../support/runtime.ts';

let path: Promise<string> | undefined;

async function find(): Promise<string> {
  const found = await outcome(spawn(join(root, 'test/contrib/promtool.sh')));
  if (found.status !== 0) throw new Error(`promtool is not to be had: ${found.stderr}`);
  return found.stdout.trim();
}

/** @param input what it reads from standard input. */
export async function promtool(args: string[], input = ''): Promise<Outcome> {
  path ??= find();
  const child = spawn(await path, args);
  child.stdin.end(input);
  return outcome(child);
}
