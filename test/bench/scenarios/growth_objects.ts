// Growth of the store: the same requests to stores of 10^2, 10^4 and 10^6 names. Plans are not kept, so that
// each request looks its name up.

import type { Context } from '../context.ts';
import { makeFilledHome } from '../filled_store.ts';
import { costRow } from '../measure.ts';
import type { Row } from '../results.ts';
import { startSealgate } from '../servers/sealgate.ts';
import { KiB } from '../site.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const name = 'growth objects';
const exponents = [2, 4, 6];

export const growingStore: Scenario = {
  name,
  about: 'GETs of 1k on 64 connections from stores of 10^2, 10^4 and 10^6 names, no plan kept, plain HTTP',
  usual: false,
  sizes: [],
  run,
};

/** A home with 10^exponent names; made once a run. */
export async function homeOf(context: Context, exponent: number): Promise<string> {
  const home = `${context.work}/names-${exponent}`;
  await makeFilledHome(home, 10 ** exponent, context.say);
  return home;
}

async function run(context: Context): Promise<Row[]> {
  const entries: Entry[] = [];
  for (const exponent of exponents) {
    const home = await homeOf(context, exponent);
    entries.push({
      name: `sealgate, 10^${exponent} objects`,
      server: startSealgate(context.site, { home, limits: { planCacheEntries: 1 } }),
      file: '{}.bin',
      protocol: 'plain',
      load: { connections: 64, objects: 10 ** exponent },
      limit: { seconds: context.settings.seconds },
      least: KiB,
    });
  }
  try {
    return (await compare(name, entries, context)).map((measured) => costRow(name, measured));
  } finally {
    for (const { server } of entries) await server.then((started) => started.stop());
  }
}
