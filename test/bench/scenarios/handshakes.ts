// Handshakes: connections that make one request each, full and resumed. A client's half of a handshake costs
// more than the server's, so with one core each the server waits: its cost is reported all the same, as every
// server waits alike.

import type { Context } from '../context.ts';
import { type Contender, costRow, interleave, type Measured } from '../measure.ts';
import { eager, runPinned } from '../processes.ts';
import type { Row } from '../results.ts';
import { fileServers } from '../servers/all.ts';
import { clientCore } from '../site.ts';
import { firstLine, type Scenario } from './scenario.ts';

const clients = 4;
const perHandshake = { name: 'µs/handshake', scale: 1e3 };

export const handshakes: Scenario[] = (['full', 'resumed'] as const).map((kind) => ({
  name: `handshake ${kind}`,
  about: `${clients} clients make TLS 1.3 connections (${kind}, ECDSA P-256), one GET of 1k on each`,
  usual: true,
  sizes: ['1k'],
  run: (context: Context) => run(context, kind),
}));

async function run(context: Context, kind: 'full' | 'resumed'): Promise<Row[]> {
  const name = `handshake ${kind}`;
  const { rounds, seconds } = context.settings;
  const contenders: Contender[] = [];
  const absent: Row[] = [];
  for (const server of Object.keys(fileServers)) {
    try {
      const { pid, address } = await context.server(server);
      const { port, path } = address('1k.bin', 'tls');
      const command = [...eager, 'build/bench/handshakes', `${port}`, path, kind, `${seconds}`];
      contenders.push({ name: server, pid, run: () => together(command) });
    } catch (error) {
      absent.push({
        scenario: name,
        server,
        unit: perHandshake.name,
        why: `not measured: ${firstLine(error)}`,
      });
    }
  }
  const measured = await interleave(contenders, rounds, (round) =>
    context.say(`${name}: round ${round} of ${rounds}`),
  );
  const row = (each: Measured) => costRow(name, each, { saturated: false, unit: perHandshake });
  return [...measured.map(row), ...absent];
}

async function together(command: string[]): Promise<{ requests: number }> {
  const outputs = await Promise.all(Array.from({ length: clients }, () => runPinned(clientCore, command)));
  return { requests: outputs.reduce((sum, output) => sum + JSON.parse(output).requests, 0) };
}
