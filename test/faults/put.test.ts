// Each step of an upload that writes to disk fails once, with each error that a disk gives: the client has
// an answer, what was acknowledged stays, and the server goes on or says why it ends. FAULTS=all takes every
// step below the store (`make faults`), else those of the metadata.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const { EIO, ENOSPC, EDQUOT, EROFS } = constants.errno;
const below = process.env.FAULTS === 'all' ? 'store/' : 'store/meta/data.mdb';
/** More than an upload has. */
const maxSteps = 60;
const failedStatus = 74;

const site = await createSite();
const shim = join(site.dir, 'faults.so');
execFileSync('cc', ['-shared', '-fPIC', '-O1', join(root, 'test/faults/faults.c'), '-o', shim, '-ldl']);
const [arm, log, source] = [join(site.dir, 'arm'), join(site.dir, 'hits'), join(site.dir, 'source')];

async function start(): Promise<TestServer> {
  const faults = {
    LD_PRELOAD: shim,
    FAULTS_ARM: arm,
    FAULTS_LOG: log,
    FAULTS_PATH: `${site.dir}/${below}`,
  };
  Object.assign(process.env, faults);
  try {
    return await TestServer.start(site, '--workers', '1');
  } finally {
    for (const name of Object.keys(faults)) delete process.env[name];
  }
}

let server = await start();
after(async () => {
  await server.stop();
  await site.remove();
});
const acknowledged: string[] = [];
let round = 0;
let ends = 0;

async function put(name: string): Promise<number> {
  await writeFile(source, `bytes of ${name}`);
  return (await server.put(`/o/files/${name}`, source)).status;
}

async function readable(name: string): Promise<void> {
  assert.equal((await server.curl(`/o/files/${name}`)).body.toString(), `bytes of ${name}`);
}

/** 200 when all is well; 0 when the server has ended. */
async function readiness(): Promise<number> {
  for (let tries = 0; ; tries++) {
    const status = await fetch(`${server.control}/readyz`).then(
      (response) => response.body?.cancel().then(() => response.status) ?? response.status,
      () => 0,
    );
    if (status !== 503 || tries === 100) return status;
    await sleep(100);
  }
}

/** What was hit; undefined when the upload has no such step. */
async function inject(number: number, error: number): Promise<string | undefined> {
  const name = `round-${++round}`;
  await writeFile(arm, `${round} ${number} ${error}`);
  const status = await put(name);
  await rm(arm);
  const hits = await readFile(log, 'utf8').catch(() => '');
  const hit = hits.split('\n').find((line) => line.startsWith(`${round} `));
  if (hit === undefined) {
    assert.equal(status, 201);
    return undefined;
  }
  const refused = error === ENOSPC || error === EDQUOT ? 507 : 500;
  assert.ok([201, refused].includes(status), `${hit}: answered ${status}`);
  if (status === 201) acknowledged.push(name);
  const ready = await readiness();
  if (ready === 0) {
    assert.equal(await server.ended(), failedStatus, hit);
    assert.match(server.log(), /the server ends, as only a new process can go on with the store/);
    ends++;
    server = await start();
  } else assert.equal(ready, 200, `${hit}: not ready`);
  assert.ok([200, 201].includes(await put(name)), `${hit}: the same upload again`);
  await readable(name);
  return `${hit.replace(/ \/.*\//, ' ')} ${status}${ready === 0 ? ' and ended' : ''}`;
}

for (const [error, name] of [
  [EIO, 'EIO'],
  [ENOSPC, 'ENOSPC'],
  [EDQUOT, 'EDQUOT'],
  [EROFS, 'EROFS'],
] as const) {
  test(`an upload whose steps below ${below} fail with ${name}`, async (t) => {
    const seen: string[] = [];
    for (let number = 1; number <= maxSteps; number++) {
      const hit = await inject(number, error);
      if (hit === undefined) break;
      seen.push(hit);
    }
    t.diagnostic?.(seen.join('\n'));
    assert.ok(seen.length >= 5 && seen.length < maxSteps, `${seen.length} steps`);
    for (const each of acknowledged) await readable(each);
  });
}

test('the page that says which commit is the last was among them: its failure ends the server', () => {
  assert.ok(ends > 0);
});
