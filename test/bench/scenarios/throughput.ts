// Throughput: keep-alive GETs of one file, as fast as the server can, for each size and protocol.

import { type Context, fileSizes } from '../context.ts';
import { costRow, perGiB } from '../measure.ts';
import { aesReference } from '../references.ts';
import type { Row } from '../results.ts';
import { fileServers } from '../servers/all.ts';
import { startFloor } from '../servers/floor.ts';
import type { Protocol } from '../servers/server.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const sizes = ['1k', '16k', '100k', '1m', '1g'];
const usual = ['1k plain', '1k tls', '100k tls', '1g plain', '1g tls'];
/** Streams of 1 GiB at a time: with a single one the server waits for the socket's buffer. */
const large = 2;
/** A round of them is longer than others. */
const mostRoundsOfLarge = 3;
/** With 1 GiB a round of these takes half a minute. */
const slow = ['Deno.serve', 'node https'];

export const throughput: Scenario[] = sizes.flatMap((size) =>
  (['plain', 'tls'] as const).map((protocol) => scenarioOf(size, protocol)),
);

function scenarioOf(size: string, protocol: Protocol): Scenario {
  const name = `${size} ${protocol}`;
  const connections = size === '1g' ? large : 64;
  const by = protocol === 'tls' ? 'TLS 1.3, AES-128-GCM in userspace' : 'plain HTTP';
  const about = `GETs of ${size} on ${connections} keep-alive connections, ${by}`;
  const run = (context: Context) => measureThroughput(context, name, size, protocol, connections);
  return { name, about, usual: usual.includes(name), sizes: [size], run };
}

async function measureThroughput(
  context: Context,
  name: string,
  size: string,
  protocol: Protocol,
  connections: number,
): Promise<Row[]> {
  const floor = startFloor(context.site, `${size}.bin`, protocol);
  const entry = {
    file: `${size}.bin`,
    protocol,
    load: { connections },
    limit: size === '1g' ? { requests: large } : { seconds: context.settings.seconds },
    least: fileSizes[size] ?? 0,
  };
  const names = Object.keys(fileServers).filter(
    (server) => size !== '1g' || context.settings.all || !slow.includes(server),
  );
  const entries: Entry[] = [
    { ...entry, name: 'floor', server: floor },
    ...names.map((server) => ({ ...entry, name: server, server: context.server(server) })),
  ];
  try {
    const [most, options] = size === '1g' ? [mostRoundsOfLarge, { unit: perGiB }] : [];
    const measured = await compare(name, entries, context, most);
    const rows = measured.map((each) => costRow(name, each, options));
    return name === '1g tls' ? [...rows, await aesReference(name)] : rows;
  } finally {
    await floor.then((server) => server.stop());
  }
}
