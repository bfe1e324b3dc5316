// Memory: of an idle server beyond what its runtime takes, and of each idle TLS connection.

import type { Context } from '../context.ts';
import { LoadClient } from '../load.ts';
import { privateMemory, residentMemory } from '../memory.ts';
import { lineWith, startPinned, stop } from '../processes.ts';
import { type Row, rowOfValues } from '../results.ts';
import { startNginx } from '../servers/nginx.ts';
import { startSealgate } from '../servers/sealgate.ts';
import type { Server } from '../servers/server.ts';
import { KiB, MiB, makeFile, serverCore } from '../site.ts';
import { firstLine, type Scenario } from './scenario.ts';

const workers = 2;
const connections = 10_000;
const starts = 3;

export const memory: Scenario = {
  name: 'memory',
  about: `resident memory, idle after a request, with ${workers} workers; and less what a bare node takes`,
  usual: true,
  sizes: [],
  run: runMemory,
};

async function runMemory(context: Context): Promise<Row[]> {
  const site = context.separateSite('memory');
  makeFile(`${site.files}/1k.bin`, KiB);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < starts; round += 1) {
    context.say(`memory: round ${round + 1} of ${starts}`);
    bare.push((await memoryOfNode()) / MiB);
    const server = await startSealgate(site, { workers });
    await (await LoadClient.start(server.address('1k.bin', 'tls'), 'tls')).close();
    ours.push(residentMemory(server.pid()) / MiB);
    await server.stop();
  }
  const beyond = ours.map((each, round) => each - (bare[round] ?? 0));
  return [
    rowOfValues('memory', 'sealgate beyond node', 'MiB', beyond),
    rowOfValues('memory', 'sealgate', 'MiB', ours),
    rowOfValues('memory', 'node alone', 'MiB', bare),
  ];
}

async function memoryOfNode(): Promise<number> {
  const child = startPinned(serverCore, ['node', '-e', 'console.log("ready"); setInterval(() => {}, 1e9)']);
  await lineWith(child, /^(ready)$/);
  const bytes = residentMemory(child.pid ?? 0);
  await stop(child);
  return bytes;
}

export const connectionMemory: Scenario[] = (['tls', 'ktls'] as const).map((kind) => {
  const name = `connection memory ${kind}`;
  const how = kind === 'ktls' ? 'both directions in the kernel where the server can' : 'in userspace';
  const about = `process memory for each of ${connections} idle TLS connections, ${how}, after a GET of 1k`;
  const run = (context: Context) => runConnections(context, name);
  return { name, about, usual: kind === 'tls', sizes: [], ktls: kind === 'ktls', run };
});

async function runConnections(context: Context, name: string): Promise<Row[]> {
  const site = context.separateSite(name);
  makeFile(`${site.files}/1k.bin`, KiB);
  const rows: Row[] = [];
  for (const [server, start] of Object.entries({ sealgate: startSealgate, nginx: startNginx })) {
    context.say(`${name}: ${server}`);
    try {
      const started = await start(site);
      rows.push(rowOfValues(name, server, 'bytes', [await bytesPerConnection(started)]));
      await started.stop();
    } catch (error) {
      rows.push({ scenario: name, server, unit: 'bytes', why: `not measured: ${firstLine(error)}` });
    }
  }
  return rows;
}

async function bytesPerConnection(server: Server): Promise<number> {
  const address = server.address('1k.bin', 'tls');
  // The first hundred pay for what all share.
  const first = await LoadClient.start(address, 'tls', { idle: 100 });
  const before = privateMemory(server.pid());
  const rest = await LoadClient.start(address, 'tls', { idle: connections });
  const after = privateMemory(server.pid());
  for (const client of [first, rest]) await client.close();
  return (after - before) / connections;
}
