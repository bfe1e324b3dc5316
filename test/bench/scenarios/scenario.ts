// Scenario: one kind of work, done by several servers, that ends in rows of the table.

import type { Context } from '../context.ts';
import { type Limit, LoadClient, type LoadOptions } from '../load.ts';
import { type Contender, interleave, type Measured } from '../measure.ts';
import type { Row } from '../results.ts';
import type { Protocol, Server } from '../servers/server.ts';

export interface Scenario {
  name: string;
  /** One sentence for the table: who does what. */
  about: string;
  /** Whether it runs when no scenario is chosen. */
  usual: boolean;
  /** Files of the shared site that it needs. */
  sizes: string[];
  /** Runs inside a kernel with kernel TLS. */
  ktls?: boolean;
  run(context: Context): Promise<Row[]>;
}

export interface Entry {
  name: string;
  server: Promise<Server>;
  file: string;
  protocol: Protocol;
  load: LoadOptions;
  limit: Limit;
  /** Bytes of a body: an answer that is shorter is not the file. */
  least: number;
}

/** Starts a client for each, measures them in turn, ends the clients. Who cannot take part has a fault. */
export async function compare(
  scenario: string,
  entries: Entry[],
  context: Context,
  mostRounds = Number.POSITIVE_INFINITY,
): Promise<Measured[]> {
  const clients: LoadClient[] = [];
  const ready: Contender[] = [];
  const absent: Measured[] = [];
  for (const entry of entries) {
    context.say(`${scenario}: connecting to ${entry.name}`);
    try {
      const server = await entry.server;
      const client = await LoadClient.start(
        server.address(entry.file, entry.protocol),
        entry.protocol,
        entry.load,
      );
      clients.push(client);
      ready.push({ name: entry.name, pid: server.pid, run: () => runRound(client, entry) });
    } catch (error) {
      absent.push({ contender: silent(entry.name), samples: [], fault: `not measured: ${firstLine(error)}` });
    }
  }
  try {
    const rounds = Math.min(context.settings.rounds, mostRounds);
    const say = (round: number) => context.say(`${scenario}: round ${round} of ${rounds}`);
    const measured = await interleave(ready, rounds, say);
    return entries.flatMap(({ name }) =>
      [...measured, ...absent].filter((each) => each.contender.name === name),
    );
  } finally {
    for (const client of clients) await client.close();
  }
}

async function runRound(client: LoadClient, { limit, least }: Entry) {
  const work = await client.run(limit);
  if (work.bytes < work.requests * least) throw new Error('it answers with less than the file');
  return work;
}

function silent(name: string): Contender {
  const absent = () => {
    throw new Error(`${name} is not running`);
  };
  return { name, pid: absent, run: absent };
}

export function firstLine(error: unknown): string {
  return (error as Error).message.split('\n')[0] ?? '';
}
