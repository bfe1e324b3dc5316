// The command line of Sealgate under the runtime that runs the tests: Node, Bun or Deno.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export type Runtime = 'node' | 'bun' | 'deno';
export const runtime: Runtime = process.versions.bun ? 'bun' : process.versions.deno ? 'deno' : 'node';

// test/run.ts tests what was built.
const built = process.env.SEALGATE_TEST_BUILD === '1';
const program = built ? `${root}dist/src/cli.js` : `${root}src/cli.ts`;

/** What goes between the runtime and a TypeScript program, in whatever folder it is started. */
export function runtimeArguments(): string[] {
  if (runtime === 'node') return ['--import', import.meta.resolve('tsx')];
  return runtime === 'bun' ? [] : ['run', '-A', '--no-check', '--config', `${root}deno.json`];
}

/** The program and the arguments that run `sealgate ARGS`. */
export function cliCommand(args: string[]): [string, string[]] {
  const before = built && runtime === 'node' ? [] : runtimeArguments();
  return [process.execPath, [...before, program, ...args]];
}

/** Starts `sealgate ARGS` as a child process. */
export function spawnCli(args: string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(...cliCommand(args), { cwd: root, ...options });
}

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. */
export async function outcome(child: ChildProcess): Promise<Outcome> {
  const stdout = text(child.stdout);
  const stderr = text(child.stderr);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { status, stdout: stdout(), stderr: stderr() };
}

/** `sealgate ARGS`, to its end. Throws with what it said when it fails. */
export async function runCli(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await outcome(spawnCli(args));
  if (status !== 0) throw new Error(`sealgate ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Collects a stream; call the result for what has come so far. */
export function text(stream: NodeJS.ReadableStream | null): () => string {
  const pieces: Buffer[] = [];
  stream?.on('data', (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString();
}
