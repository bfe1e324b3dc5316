// Upload: PUT of 1 GiB, hashed and durable when it is answered. nginx, beside it, hashes nothing.

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Context } from '../context.ts';
import { evict, makePagesFree } from '../evict.ts';
import { type Contender, costRow, interleave, perGiB } from '../measure.ts';
import { runPinned } from '../processes.ts';
import { digestAndWriteReference } from '../references.ts';
import type { Row } from '../results.ts';
import { startNginx } from '../servers/nginx.ts';
import { makeHome, startSealgate } from '../servers/sealgate.ts';
import type { Server } from '../servers/server.ts';
import { clientCore, GiB, makeFile } from '../site.ts';
import type { Scenario } from './scenario.ts';

const name = 'upload';
const mostRounds = 3;

export const upload: Scenario = {
  name,
  about: 'PUT of 1g on one connection, plain HTTP, other bytes each time; nginx writes without a digest',
  usual: true,
  sizes: [],
  run,
};

async function run(context: Context): Promise<Row[]> {
  const site = context.separateSite(name);
  const source = `${site.work}/source.bin`;
  const home = `${site.work}/home`;
  makeFile(source, GiB);
  makeHome(home);
  const token = readFileSync(`${home}/token`, 'utf8');
  const sealgate = await startSealgate(site, { home });
  const nginx = await startNginx(site, { uploads: true });
  const contenders = [
    contender(sealgate, source, token, `${home}/store/blobs`),
    contender(nginx, source, '', site.files),
  ];
  try {
    const rounds = Math.min(context.settings.rounds, mostRounds);
    const say = (round: number) => context.say(`${name}: round ${round} of ${rounds}`);
    const measured = await interleave(contenders, rounds, say);
    // A server that waits for the disk does not work: its CPU counts all the same.
    const rows = measured.map((each) => costRow(name, each, { saturated: false, unit: perGiB }));
    return [...rows, await digestAndWriteReference(name, `${site.work}/written.bin`)];
  } finally {
    for (const server of [sealgate, nginx]) await server.stop();
  }
}

/** @param stored where the uploads are in the end. */
function contender(
  { name: server, pid, address }: Server,
  source: string,
  token: string,
  stored: string,
): Contender {
  let number = 0;
  const run = async () => {
    changeStart(source);
    await makePagesFree(`${source}.pages`);
    number += 1;
    const { port, path } = address(`upload${number}.bin`, 'plain');
    const curl = ['curl', '--silent', '--show-error', '--fail', '-o', '/dev/null', '-T', source];
    const headers = token === '' ? [] : ['-H', `Authorization: Bearer ${token}`];
    await runPinned(clientCore, [...curl, ...headers, `http://127.0.0.1:${port}${path}`]);
    await evict([stored], GiB);
    return { requests: 1, bytes: GiB };
  };
  return { name: server, pid, run };
}

/** Bytes that the store has already would be a shorter path. */
function changeStart(path: string): void {
  const file = openSync(path, 'r+');
  writeSync(file, randomBytes(8), 0, 8, 0);
  closeSync(file);
}
