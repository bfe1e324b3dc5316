// Connections: many that wait beside few that work, and few or many that work.

import { type Context, fileSizes } from '../context.ts';
import { costRow } from '../measure.ts';
import type { Row } from '../results.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const idle = 10_000;
const active = 64;

export const idleConnections: Scenario = {
  name: 'idle',
  about: `GETs of 1k on ${active} connections while ${idle} others are open and idle, TLS 1.3`,
  usual: false,
  sizes: ['1k'],
  async run(context) {
    const entries = ['sealgate', 'nginx'].flatMap((server) => [
      entry(context, server, `${server}, none idle`, { connections: active }),
      entry(context, server, server, { connections: active, idle }),
    ]);
    return (await compare('idle', entries, context)).map((measured) => costRow('idle', measured));
  },
};

const growth = 'growth connections';

export const growingConnections: Scenario = {
  name: growth,
  about: 'GETs of 1k on 1, 100 and 10,000 connections, each with one request under way, TLS 1.3',
  usual: false,
  sizes: ['1k'],
  run: runGrowth,
};

async function runGrowth(context: Context): Promise<Row[]> {
  const entries = ['sealgate', 'nginx'].flatMap((server) =>
    [1, 100, 10_000].map((connections) => {
      const name = `${server}, ${connections} connection${connections > 1 ? 's' : ''}`;
      return entry(context, server, name, { connections });
    }),
  );
  const measured = await compare(growth, entries, context);
  // One connection cannot keep a server busy: client and server take turns.
  return measured.map((each) => {
    const saturated = !each.contender.name.endsWith(' 1 connection');
    return costRow(growth, each, { saturated });
  });
}

function entry(context: Context, server: string, name: string, load: Entry['load']): Entry {
  const limit = { seconds: context.settings.seconds };
  const least = fileSizes['1k'] ?? 0;
  return { name, server: context.server(server), file: '1k.bin', protocol: 'tls', load, limit, least };
}
