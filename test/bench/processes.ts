// Processes of a benchmark: pinned to a core, asked by line, ended with the run whatever happens.

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

/** What servers and clients say to their standard error. */
export const messages = 'build/bench/messages.log';

/** A child with pipes for input and output. */
export type Child = ChildProcessByStdio<Writable, Readable, null>;

const startTimeoutMs = 60_000;
/**
 * Before the command of a client: ahead of whatever else wants its core, or the server waits for it. Without
 * the right to (CAP_SYS_NICE) the command runs as any other.
 */
export const eager = ['nice', '-n', '-15'];
/** As many open files as this process may allow: 10,000 connections and 16,384 kept plans need some. */
const openFiles = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);

const run = promisify(execFile);

const running = new Set<Child>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function startPinned(
  core: number,
  command: string[],
  environment: Record<string, string> = {},
): Child {
  const limits = [`--nofile=${openFiles}:${openFiles}`];
  const errors = openSync(messages, 'a');
  const child = spawn('prlimit', [...limits, 'taskset', '-c', `${core}`, ...command], {
    stdio: ['pipe', 'pipe', errors],
    env: { ...process.env, ...environment },
  }) as unknown as Child;
  closeSync(errors);
  running.add(child);
  // One that has ended is found by its output.
  child.stdin.on('error', () => {});
  child.once('exit', () => running.delete(child));
  return child;
}

/** Standard output of a command that has to succeed within 5 minutes. */
export async function runPinned(core: number, command: string[]): Promise<string> {
  const done = run('taskset', ['-c', `${core}`, ...command], { timeout: 300_000 });
  const { stdout } = await done.catch(({ message, stderr }) => {
    throw new Error(stderr.trim() === '' ? message : `${command[0]}: ${stderr.trim().split('\n').at(-1)}`);
  });
  return stdout;
}

export function isRunning(child: Child): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Ends it by SIGTERM, or by SIGKILL when it takes 10 s. */
export async function stop(child: Child): Promise<void> {
  if (!isRunning(child)) return;
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  clearTimeout(hard);
}

/** The first capture of the first line of the child's output that matches. */
export async function lineWith(child: Child, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: child.stdout });
  const deadline = setTimeout(() => lines.close(), startTimeoutMs);
  try {
    for await (const line of lines) {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) return found;
    }
  } finally {
    clearTimeout(deadline);
    child.stdout.resume();
  }
  throw new Error(
    `${child.spawnargs.join(' ')}: printed no line like ${pattern} in ${startTimeoutMs} ms; see ${messages}`,
  );
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP port is free');
  return address.port;
}

/** Resolves once a connection to the port is accepted. */
export async function accepting(port: number, child: Child): Promise<void> {
  for (const end = Date.now() + startTimeoutMs; Date.now() < end && isRunning(child); ) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await new Promise((again) => setTimeout(again, 20));
  }
  throw new Error(`${child.spawnargs.join(' ')}: does not accept on port ${port}; see ${messages}`);
}
