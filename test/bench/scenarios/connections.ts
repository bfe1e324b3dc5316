// Connections: many that wait beside few that work, and few or many that work.

import { type Context, fileSizes } from '../context.ts';
import { costRow } from '../measure.ts';
import type { Row } from '../results.ts';
import { startFloor } from '../servers/floor.ts';
import type { Server } from '../servers/server.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const file = '1k.bin';
const idle = 10_000;
const active = 64;

export const idleConnections: Scenario = {
  name: 'idle',
  about: `GETs of 1k on ${active} connections while ${idle} others are open and idle, TLS 1.3`,
  usual: false,
  sizes: ['1k'],
  async run(context) {
    const entries = ['sealgate', 'nginx'].flatMap((name) => {
      const server = context.server(name);
      return [
        entry(context, server, `${name}, none idle`, { connections: active }),
        entry(context, server, name, { connections: active, idle }),
      ];
    });
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

// The floor shows what the machine itself takes: waking for each request, and caches that do not hold 10,000
// sockets.
async function runGrowth(context: Context): Promise<Row[]> {
  const floor = startFloor(context.site, file, 'tls');
  const servers = { floor, sealgate: context.server('sealgate'), nginx: context.server('nginx') };
  const entries = Object.entries(servers).flatMap(([name, server]) =>
    [1, 100, 10_000].map((connections) => {
      const of = `${name}, ${connections} connection${connections > 1 ? 's' : ''}`;
      return entry(context, server, of, { connections });
    }),
  );
  try {
    const measured = await compare(growth, entries, context);
    // One connection cannot keep a server busy: client and server take turns.
    return measured.map((each) => {
      const saturated = !each.contender.name.endsWith(' 1 connection');
      return costRow(growth, each, { saturated });
    });
  } finally {
    await floor.then((server) => server.stop());
  }
}

function entry(context: Context, server: Promise<Server>, name: string, load: Entry['load']): Entry {
  const limit = { seconds: context.settings.seconds };
  const least = fileSizes['1k'] ?? 0;
  return { name, server, file, protocol: 'tls', load, limit, least };
}
