// Each step of a request that writes to disk fails once, with each error that a disk or the limit of open
// files gives: the client has an answer, what was acknowledged stays, and the server goes on or says why it
// ends. Killed at a step, the next server has what was acknowledged. FAULTS=all takes every step below the
// store and every error (`make faults`), else steps of the metadata.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSite, TestServer } from '../support/server.ts';
import { eachStep, errors, Faults, isKill, type Step, takesAll } from './shim.ts';

/** More than a request has. */
const maxSteps = 80;
const failedStatus = 74;

const site = await createSite({ buckets: { live: 'versioned' } });
const below = takesAll ? 'store/' : 'store/meta/data.mdb';
const faults = new Faults(site.dir, `${site.dir}/${below}`);
const start = () => faults.within(() => TestServer.start(site, '--workers', '1'));
let server = await start();
after(async () => {
  await server.stop();
  await site.remove();
});
/** What each name holds that somebody was told of; undefined: it was deleted. */
const acknowledged = new Map<string, string | undefined>();
let ends = 0;
let rounds = 0;

interface Operation {
  /** System calls of its shortest run, those of LMDB not counted. */
  leastSteps: number;
  before(name: string): Promise<void>;
  /** Resolves with the status. */
  run(name: string): Promise<number>;
  done: number[];
  /** What the name holds afterwards. */
  after(name: string): string | undefined;
  short: Step['error'][];
}

async function put(name: string, bytes: string): Promise<number> {
  const source = join(site.dir, 'source');
  await writeFile(source, bytes);
  return (await server.put(`/o/live/${name}`, source)).status;
}

async function putBefore(name: string): Promise<void> {
  assert.equal(await put(name, `${name} before`), 201);
}

async function remove(name: string): Promise<number> {
  const token = ['-H', `Authorization: Bearer ${site.token}`];
  return (await server.curl(`/o/live/${name}`, '-X', 'DELETE', ...token)).status;
}

const operations: Record<string, Operation> = {
  upload: {
    leastSteps: 3,
    before: async () => {},
    run: (name) => put(name, name),
    done: [200, 201],
    after: (name) => name,
    short: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'kill'],
  },
  overwrite: {
    leastSteps: 3,
    before: putBefore,
    run: (name) => put(name, name),
    done: [200, 204],
    after: (name) => name,
    short: ['EIO'],
  },
  deletion: {
    leastSteps: 3,
    before: putBefore,
    run: remove,
    // It may have been deleted by the request that was answered with an error.
    done: [204, 404, 410],
    after: () => undefined,
    short: ['EIO', 'ENOSPC'],
  },
};

async function assertHeld(name: string, bytes: string | undefined): Promise<void> {
  const { status, body } = await server.curl(`/o/live/${name}`);
  if (bytes === undefined) assert.equal(status, 410, name);
  else assert.equal(body.toString(), bytes, `${name}: ${status}`);
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

/** What was hit and what came of it; undefined when the operation has no such step. */
async function inject(operation: Operation, step: Step): Promise<string | undefined> {
  const name = `round-${++rounds}`;
  await operation.before(name);
  const { hit, result: status } = await faults.during(step, () =>
    operation.run(name).catch((error) => {
      if (isKill(step.error)) return 0;
      throw error;
    }),
  );
  if (hit === undefined) {
    assert.ok(operation.done.includes(status), `${status} without a fault`);
    return undefined;
  }
  if (isKill(step.error)) return killed(operation, name, `${step.error} ${step.number} ${hit}: ${status}`);
  const refused = ['ENOSPC', 'EDQUOT'].includes(step.error) ? [507, 500] : [500, 503];
  const isDone = operation.done.includes(status);
  assert.ok(isDone || refused.includes(status), `${hit}: answered ${status}`);
  if (isDone) acknowledged.set(name, operation.after(name));
  const ready = await readiness();
  if (ready === 0) {
    assert.equal(await server.ended(), failedStatus, hit);
    assert.match(server.log(), /the server ends, as only a new process can go on with the store/);
    ends++;
    server = await start();
  } else assert.equal(ready, 200, `${hit}: not ready`);
  if (isDone) await assertHeld(name, operation.after(name));
  const again = await operation.run(name);
  assert.ok(operation.done.includes(again), `${hit}: done again: ${again}`);
  acknowledged.set(name, operation.after(name));
  await assertHeld(name, operation.after(name));
  return `${step.error} ${step.number} ${hit}: ${status}${ready === 0 ? ' and ended' : ''}`;
}

/** Nobody was answered, or it was done: it is there, or not, and can be done again. */
async function killed(operation: Operation, name: string, what: string): Promise<string> {
  assert.equal(await server.ended(), 'SIGKILL', what);
  server = await start();
  const { status, body } = await server.curl(`/o/live/${name}`);
  const before = [`${name} before`, name, undefined];
  assert.ok(before.includes(status === 200 ? body.toString() : undefined), `${what}: ${status} ${body}`);
  assert.ok([200, 404, 410].includes(status), `${what}: ${status}`);
  if (what.endsWith(': 0')) assert.ok(operation.done.includes(await operation.run(name)), `${what}, again`);
  acknowledged.set(name, operation.after(name));
  await assertHeld(name, operation.after(name));
  return what;
}

const every: Step['error'][] = [...(Object.keys(errors) as (keyof typeof errors)[]), 'kill', 'kill in it'];

for (const [kind, operation] of Object.entries(operations)) {
  for (const error of takesAll ? every : operation.short) {
    test(`${kind}: each step below ${below} meets ${error}`, async (t) => {
      const steps = { most: maxSteps, stride: 1 };
      const seen = await eachStep(steps, (number) => inject(operation, { number, error }));
      t.diagnostic?.(`${kind}\n${seen.join('\n')}`);
      assert.ok(
        seen.length >= operation.leastSteps && seen.length < maxSteps,
        `${seen.length} steps of ${kind}`,
      );
    });
  }
}

test('after a restart all that was acknowledged is there', async () => {
  await server.stop();
  server = await TestServer.start(site, '--workers', '1');
  assert.ok(acknowledged.size > 0);
  for (const [name, bytes] of acknowledged) await assertHeld(name, bytes);
});

test('the page that says which commit is the last was among them: its failure ends the server', () => {
  assert.ok(ends > 0);
});
