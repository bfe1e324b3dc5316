// Kernel TLS: downloads inside a kernel that has it, beside nginx with `Options KTLS` in the same kernel.

import { type Context, fileSizes } from '../context.ts';
import { costRow, perGiB, perRequest } from '../measure.ts';
import type { Row } from '../results.ts';
import { compare, type Scenario } from './scenario.ts';

export const ktls: Scenario[] = ['100k', '1g'].map((size) => ({
  name: `${size} ktls`,
  about: `GETs of ${size} over kernel TLS, inside a kernel of one CPU that has it (user-mode Linux)`,
  usual: true,
  sizes: [size],
  ktls: true,
  run: (context: Context) => run(context, size),
}));

async function run(context: Context, size: string): Promise<Row[]> {
  const large = size === '1g';
  const name = `${size} ktls`;
  const entries = ['sealgate', 'nginx'].map((server) => ({
    name: server,
    server: context.server(server),
    file: `${size}.bin`,
    protocol: 'tls' as const,
    load: { connections: large ? 1 : 16 },
    limit: large ? { requests: 1 } : { seconds: context.settings.seconds },
    least: fileSizes[size] ?? 0,
  }));
  const unit = large ? perGiB : perRequest;
  // Client and server share the one CPU, so the server is the bottleneck only for its share of the time.
  const measured = await compare(name, entries, context);
  return measured.map((each) => costRow(name, each, { saturated: false, unit }));
}
