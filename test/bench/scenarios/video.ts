// Video: players that ask for a segment every 2 s. They are paced, so no server is the bottleneck: the cost
// of a segment counts, and how late the last ones are.

import { type Context, fileSizes } from '../context.ts';
import { costRow } from '../measure.ts';
import type { Row } from '../results.ts';
import { fileServers } from '../servers/all.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const players = 200;
const perSegment = { name: 'µs/segment', scale: 1e3 };

export const video: Scenario = {
  name: 'video',
  about: `${players} players ask for a segment of 500 KB every 2 s, TLS 1.3; p99 counts from when it was due`,
  usual: false,
  sizes: ['500k'],
  run: (context) => run(context, { name: 'video', size: '500k', every: 2000 }, Object.keys(fileServers)),
};

/** The cipher of a kernel that is a process is slow: segments of 500 KB would not be there in time. */
export const videoInKernel: Scenario = {
  name: 'video ktls',
  about: `${players} players ask for a segment of 100 KB every 4 s over kernel TLS, inside such a kernel`,
  usual: false,
  sizes: ['100k'],
  ktls: true,
  run: (context) => run(context, { name: 'video ktls', size: '100k', every: 4000 }, ['sealgate', 'nginx']),
};

interface Paced {
  name: string;
  size: string;
  /** Milliseconds between two segments of a player. */
  every: number;
}

async function run(context: Context, { name, size, every }: Paced, servers: string[]): Promise<Row[]> {
  const entries = servers.map(
    (server): Entry => ({
      name: server,
      server: context.server(server),
      file: `${size}.bin`,
      protocol: 'tls',
      load: { connections: players, every },
      limit: { seconds: (2 * every) / 1000 },
      least: fileSizes[size] ?? 0,
    }),
  );
  const measured = await compare(name, entries, context);
  return measured.map((each) => costRow(name, each, { saturated: false, unit: perSegment }));
}
