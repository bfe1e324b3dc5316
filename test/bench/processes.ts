// Child processes of a benchmark: pinned to a core, read line by line, and ended with the run.

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

/** Standard error of servers and clients. */
export const messages = 'build/bench/messages.log';

/** A child process with piped input and output. */
export type Child = ChildProcessByStdio<Writable, Readable, null>;

const startTimeoutMs = 60_000;
/**
 * Prefix of client commands: a higher priority, so that the server need not wait for its client. Without
 * CAP_SYS_NICE the command runs normally.
 */
export const eager = ['nice', '-n', '-15'];
/** As many open files as allowed: 10,000 connections and 16,384 kept plans need them. */
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
  // A child that has ended is noticed by its output.
  child.stdin.on('error', () => {});
  child.once('exit', () => running.delete(child));
  return child;
}

/** Standard output of a command, which must succeed within 5 minutes. */
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

/** Ends the child with SIGTERM, and with SIGKILL after 10 s. */
export async function stop(child: Child): Promise<void> {
  if (!isRunning(child)) return;
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  clearTimeout(hard);
}

/** The first capture group of the first output line that matches. */
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

/** Resolves when the port accepts a connection. */
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
