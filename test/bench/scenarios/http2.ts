// HTTP/2: GETs of one file on 16 connections with 32 streams each, by h2load, over TLS 1.3.

import { type Context, fileSizes } from '../context.ts';
import { type Contender, costRow, interleave } from '../measure.ts';
import { eager, runPinned } from '../processes.ts';
import type { Row } from '../results.ts';
import type { Server } from '../servers/server.ts';
import { cipherSuite, clientCore } from '../site.ts';
import type { Scenario } from './scenario.ts';

const connections = 16;
const streams = 32;
/** Servers of the shared site that speak it. */
const servers = ['sealgate', 'nginx', 'h2o'];
/** Requests for each second that a round is to take: h2load is told how many to make. */
const requestsASecond: Record<string, number> = { '1k': 100_000, '1m': 1000 };

export const http2: Scenario[] = Object.keys(requestsASecond).map((size) => {
  const name = `${size} http2`;
  const load = `${connections} connections x ${streams} streams (h2load)`;
  const about = `GETs of ${size}, HTTP/2 over TLS 1.3, ${load}`;
  return { name, about, usual: false, sizes: [size], run: (context) => run(context, name, size) };
});

async function run(context: Context, name: string, size: string): Promise<Row[]> {
  const requests = Math.ceil((requestsASecond[size] ?? 0) * context.settings.seconds);
  const contenders: Contender[] = [];
  for (const server of servers) {
    const started = await context.server(server).catch((cause: Error) => cause);
    contenders.push(contender(server, started, size, requests));
  }
  const say = (round: number) => context.say(`${name}: round ${round} of ${context.settings.rounds}`);
  const measured = await interleave(contenders, context.settings.rounds, say);
  // h2load takes as much of its core as a server does of the other, so no server need be busy all the time.
  return measured.map((each) => costRow(name, each, { saturated: false }));
}

function contender(name: string, server: Server | Error, size: string, requests: number): Contender {
  const running = () => {
    if (server instanceof Error) throw server;
    return server;
  };
  const work = async () => {
    const { port, path } = running().address(`${size}.bin`, 'tls');
    const amount = ['-n', `${requests}`, '-c', `${connections}`, '-m', `${streams}`];
    const client = [...eager, 'h2load', ...amount, `--tls13-ciphers=${cipherSuite}`];
    const told = await runPinned(clientCore, [...client, `https://127.0.0.1:${port}${path}`]);
    const succeeded = Number(/ (\d+) succeeded/.exec(told)?.[1]);
    const bytes = Number(/\((\d+)\) data/.exec(told)?.[1]);
    const speaks = /Application protocol: h2$/m.test(told);
    if (!speaks || succeeded !== requests || bytes < requests * (fileSizes[size] ?? 0))
      throw new Error(`of ${requests} answers by h2 ${succeeded || 'none'} came whole, ${bytes} bytes`);
    return { requests, bytes };
  };
  return { name, pid: () => running().pid(), run: work };
}
