// Long tail: every request is for another object, so that each is planned for the first time: looked up,
// opened, proved, sent, and soon forgotten.

import type { Context } from '../context.ts';
import { costRow } from '../measure.ts';
import type { Row } from '../results.ts';
import { startNginx } from '../servers/nginx.ts';
import { startSealgate } from '../servers/sealgate.ts';
import { KiB, makeFiles } from '../site.ts';
import { compare, type Entry, type Scenario } from './scenario.ts';

const name = 'long tail';
const allObjects = 200_000;
/** Enough that the server always has some to answer. */
const connections = 256;
/** Twice what a worker keeps plans for, and more. */
const usualObjects = 40_000;

export const longTail: Scenario = {
  name,
  about:
    `GETs of 1k on ${connections} connections, one object each (of ${allObjects} in bench-all), ` +
    'first-time plans',
  usual: true,
  sizes: [],
  run,
};

async function run(context: Context): Promise<Row[]> {
  const objects = context.settings.all ? allObjects : usualObjects;
  const site = context.separateSite(name);
  context.say(`${name}: making and importing ${objects} files`);
  makeFiles(site.files, objects, KiB);
  const sealgate = startSealgate(site);
  // nginx without a cache looks at the path and opens the file for each request, as first-time plans do.
  const nginx = startNginx(site, { name: 'nginx without open_file_cache', openFileCache: 0 });
  // The first request of each connection also takes an object.
  const requests = Math.floor((objects - connections) / (context.settings.rounds + 1));
  const entry = { file: '{}.bin', load: { connections, objects }, limit: { requests }, least: KiB };
  const entries: Entry[] = [
    { ...entry, name: 'sealgate', server: sealgate, protocol: 'plain' },
    { ...entry, name: 'nginx without open_file_cache', server: nginx, protocol: 'plain' },
  ];
  try {
    const measured = await compare(name, entries, context);
    const rows = measured.map((each) => costRow(name, each));
    return [...rows, ...measured.filter((each) => each.contender.name === 'sealgate').map(busiestThread)];
  } finally {
    for (const server of [sealgate, nginx]) await server.then((started) => started.stop());
  }
}

/** What bounds it when application and worker have a core each. */
function busiestThread(measured: Parameters<typeof costRow>[1]): Row {
  const samples = measured.samples.map((sample) => ({ ...sample, ran: sample.longest }));
  const contender = { ...measured.contender, name: 'sealgate, busiest thread' };
  return costRow(name, { ...measured, contender, samples });
}
