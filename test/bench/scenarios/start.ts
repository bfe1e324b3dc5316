// Start: from the command to the first byte served, with a store of 10^6 names.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { Context } from '../context.ts';
import { isRunning, startPinned, stop } from '../processes.ts';
import { type Row, rowOfValues } from '../results.ts';
import { serveCommand } from '../servers/sealgate.ts';
import { freePorts } from '../servers/server.ts';
import { serverCore } from '../site.ts';
import { homeOf } from './growth_objects.ts';
import type { Scenario } from './scenario.ts';

const exponent = 6;
const starts = 5;
const mostMs = 30_000;

export const start: Scenario = {
  name: 'start',
  about: `from the command to the first byte of an answer, store of 10^${exponent} names; wall time`,
  usual: true,
  sizes: [],
  run,
};

async function run(context: Context): Promise<Row[]> {
  const home = await homeOf(context, exponent);
  const ours: number[] = [];
  const runtime: number[] = [];
  for (let round = 0; round < starts; round += 1) {
    context.say(`start: round ${round + 1} of ${starts}`);
    const ports = await freePorts();
    const command = serveCommand(context.site, home, ports, { workers: 1 });
    ours.push(await millisecondsTo(command, () => firstByte(ports.plain)));
    runtime.push(await millisecondsTo(['node', '-e', '']));
  }
  return [
    rowOfValues('start', 'sealgate', 'ms', ours),
    rowOfValues('start', 'node alone, start to end', 'ms', runtime),
  ];
}

/** From the start of the command to what is waited for, by default its end. */
async function millisecondsTo(command: string[], event?: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  const child = startPinned(serverCore, command);
  const ended = once(child, 'exit');
  if (event === undefined) {
    await ended;
    return performance.now() - began;
  }
  try {
    while (!(await event())) {
      if (!isRunning(child) || performance.now() - began > mostMs)
        throw new Error(`${command.join(' ')}: served nothing in ${mostMs} ms`);
    }
    return performance.now() - began;
  } finally {
    await stop(child);
  }
}

/** Whether an answer began; false when nobody listens yet, a millisecond later. */
async function firstByte(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /o/files/1.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
  try {
    const [data] = await once(socket, 'data');
    if (!String(data).startsWith('HTTP/1.1 200 ')) throw new Error(`start: ${String(data).slice(0, 40)}`);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    await new Promise((again) => setTimeout(again, 1));
    return false;
  } finally {
    socket.destroy();
  }
}
