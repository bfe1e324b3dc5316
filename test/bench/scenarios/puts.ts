// Puts: small files PUT over TLS by some connections, each durable when it is answered; in turns with a
// program that writes as many files by as many threads, and does nothing else.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Context } from '../context.ts';
import { runPinned } from '../processes.ts';
import { median, type Row, rowOfValues } from '../results.ts';
import { makeHome, startSealgate } from '../servers/sealgate.ts';
import type { Server } from '../servers/server.ts';
import { serverCore } from '../site.ts';
import type { Scenario } from './scenario.ts';

const bodyBytes = 4096;
/** Names that were given: each PUT is of a new one. */
let written = 0;

export const puts: Scenario[] = [1, 16, 64].map((connections) => ({
  name: `puts ${connections}`,
  about:
    `PUT of ${bodyBytes} bytes over TLS on ${connections} connections; durable_writes is the disk alone, ` +
    'with as many threads that write, fsync, rename and fsync the folder',
  usual: false,
  sizes: [],
  run: (context) => run(context, connections),
}));

async function run(context: Context, connections: number): Promise<Row[]> {
  const scenario = `puts ${connections}`;
  const site = context.separateSite(scenario);
  const home = `${site.work}/home`;
  makeHome(home);
  const token = readFileSync(`${home}/token`, 'utf8');
  const server = await startSealgate(site, { home });
  const { rounds, seconds } = context.settings;
  const [bare, ours, ratios]: [number[], number[], number[]] = [[], [], []];
  try {
    await putFor(server, token, connections, seconds);
    for (let round = 1; round <= rounds; round++) {
      context.say(`${scenario}: round ${round} of ${rounds}`);
      const [disk, its] = [
        await bareRate(`${site.work}/bare-${round}`, connections, seconds),
        await putFor(server, token, connections, seconds),
      ];
      bare.push(disk);
      ours.push(its);
      ratios.push(its / disk);
    }
  } finally {
    await server.stop();
  }
  context.say(`${scenario}: ${median(ratios).toFixed(2)} of the disk's rate`);
  return [
    rowOfValues(scenario, 'durable_writes', 'files/s', bare),
    rowOfValues(scenario, 'sealgate', 'files/s', ours),
    rowOfValues(scenario, 'sealgate / durable_writes', 'ratio', ratios),
  ];
}

// Nothing is removed before the end: ext4 looks for inodes that were not freed lately, and that would take
// longer than all the rest.
async function bareRate(folder: string, threads: number, seconds: number): Promise<number> {
  const words = [folder, `${threads}`, `${bodyBytes}`, `${seconds}`];
  const said = JSON.parse(await runPinned(serverCore, ['build/bench/durable_writes', ...words]));
  return said.files / said.seconds;
}

/** Answers a second. */
async function putFor(server: Server, token: string, connections: number, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, rejectUnauthorized: false });
  const began = performance.now();
  let answered = 0;
  const one = async () => {
    while (performance.now() - began < seconds * 1000) {
      const { port, path } = server.address(`put/${written++}.bin`, 'tls');
      await put(agent, { port, path, token });
      answered++;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  const took = (performance.now() - began) / 1000;
  agent.destroy();
  return answered / took;
}

function put(
  agent: Agent,
  { port, path, token }: { port: number; path: string; token: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-length': bodyBytes };
    const sent = request({ agent, host: '127.0.0.1', port, path, method: 'PUT', headers }, (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 201 ? resolve() : reject(new Error(`PUT was answered ${answer.statusCode}`)),
      );
    });
    sent.on('error', reject);
    sent.end(randomBytes(bodyBytes));
  });
}
