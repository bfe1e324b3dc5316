// Cold content: how long small requests for hot content wait while others read large files that are not in
// the page cache.

import type { Context } from '../context.ts';
import { evict } from '../evict.ts';
import { LoadClient } from '../load.ts';
import { runPinned } from '../processes.ts';
import { median, type Row, rowOfValues } from '../results.ts';
import { startNginx } from '../servers/nginx.ts';
import { startSealgate } from '../servers/sealgate.ts';
import type { Server, Start } from '../servers/server.ts';
import { clientCore, KiB, MiB, makeFile, type Site } from '../site.ts';
import { firstLine, type Scenario } from './scenario.ts';

const name = 'cold';
const readers = 32;
const coldBytes = 100 * MiB;
/** Reading ends then, also on a disk that is not through. */
const readSeconds = 20;
/** 64 connections that ask every 50 ms: less than what any server can do. */
const hotLoad = { connections: 64, every: 50 };

export const cold: Scenario = {
  name,
  about: `p99 of paced GETs of a hot 1k file, alone and while ${readers} others read cold 100 MiB files`,
  usual: false,
  sizes: [],
  run,
};

const contenders: Record<string, Start> = {
  sealgate: (site) => startSealgate(site),
  nginx: (site) => startNginx(site),
  'nginx with aio threads': (site) => startNginx(site, { name: 'nginx-aio', aioThreads: true }),
};

async function run(context: Context): Promise<Row[]> {
  const site = context.separateSite(name);
  context.say(`${name}: making and importing ${readers} files of 100 MiB`);
  makeFile(`${site.files}/hot.bin`, KiB);
  for (let number = 0; number < readers; number += 1) makeFile(`${site.files}/cold${number}.bin`, coldBytes);
  const rows: Row[] = [];
  for (const [server, start] of Object.entries(contenders)) {
    try {
      const started = await start(site);
      rows.push(...(await measure(context, site, started, server)));
      await started.stop();
    } catch (error) {
      rows.push({ scenario: name, server, unit: 'ms', why: `not measured: ${firstLine(error)}` });
    }
  }
  return rows;
}

async function measure(context: Context, site: Site, server: Server, label: string): Promise<Row[]> {
  const hot = await LoadClient.start(server.address('hot.bin', 'plain'), 'plain', hotLoad);
  const alone: number[] = [];
  const beside: number[] = [];
  try {
    for (let round = 0; round < Math.min(context.settings.rounds, 3); round += 1) {
      context.say(`${name}: ${label}, round ${round + 1}`);
      alone.push((await hot.run({ seconds: 2 })).p99 / 1e3);
      await evict([site.files, `${site.work}/sealgate/store/blobs`], coldBytes);
      beside.push(await whileReading(hot, server));
    }
  } finally {
    await hot.close();
  }
  return [
    rowOfValues(name, `${label} alone`, 'ms', alone),
    rowOfValues(name, `${label}, cold readers`, 'ms', beside),
  ];
}

/** Milliseconds: the median of p99 over stretches of a second that all lie within the reading. */
async function whileReading(hot: LoadClient, server: Server): Promise<number> {
  const { port, path } = server.address('cold', 'plain');
  const url = `http://127.0.0.1:${port}${path}[0-${readers - 1}].bin`;
  const curl = ['curl', '--silent', '--fail', '--no-progress-meter', '-o', '/dev/null'];
  const many = ['--parallel', '--parallel-immediate', '--parallel-max', `${readers}`];
  let reading = true;
  // Politely: the client of the hot requests has the same core, and its waits would count.
  const command = ['nice', '-n', '10', 'timeout', `${readSeconds}`, ...curl, ...many, url];
  const reader = runPinned(clientCore, ['bash', '-c', '"$@" || (($? == 124))', 'read', ...command]);
  const ended = reader.finally(() => {
    reading = false;
  });
  ended.catch(() => {});
  const stretches: number[] = [];
  while (reading) {
    const { p99 } = await hot.run({ seconds: 1 });
    if (reading || stretches.length === 0) stretches.push(p99 / 1e3);
  }
  await ended;
  return median(stretches);
}
