// Video: players that ask for a segment every 2 s. They are paced, so no server is the bottleneck: the cost
// of a segment counts, and how late the last ones are.

import { fileSizes } from '../context.ts';
import { costRow } from '../measure.ts';
import { fileServers } from '../servers/all.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const players = 200;
const perSegment = { name: 'µs/segment', scale: 1e3 };

export const video: Scenario = {
  name: 'video',
  about: `${players} players ask for a segment of 500 KB every 2 s, TLS 1.3; p99 counts from when it was due`,
  usual: false,
  sizes: ['500k'],
  async run(context) {
    const entries = Object.keys(fileServers).map(
      (name): Entry => ({
        name,
        server: context.server(name),
        file: '500k.bin',
        protocol: 'tls',
        load: { connections: players, every: 2000 },
        limit: { seconds: 4 },
        least: fileSizes['500k'] ?? 0,
      }),
    );
    const measured = await compare('video', entries, context);
    return measured.map((each) => costRow('video', each, { saturated: false, unit: perSegment }));
  },
};
