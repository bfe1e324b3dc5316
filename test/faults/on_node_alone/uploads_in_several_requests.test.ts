// An upload in three requests, of which each step that writes to disk fails once, or is the last of its
// process: the client has an answer, no byte that was acknowledged is lost, and the upload goes on to its
// end. A file that could not be synced is the one that is given up. FAULTS=all takes every step.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, freePort, TestServer } from '../../support/server.ts';
import { offsetOf, TusRequests } from '../../support/tus.ts';
import { until } from '../../support/wait.ts';
import { eachStep, Faults, isKill, type Step, takesAll } from '../shim.ts';

/** More than the three requests have. */
const maxSteps = 150;
/** Other bytes for each name, so that each is placed. */
const bodyOf = (name: string) => Buffer.from(`bytes of ${name}`);

const site = await createSite({
  buckets: { live: 'versioned' },
  auth: { reads: 'open' },
  sites: [{ path: '/', protocol: 'objects', resumableUploads: {} }],
});
const faults = new Faults(site.dir, `${site.dir}/store/`);
const url = `http://127.0.0.1:${await freePort()}`;
const start = () => faults.within(() => TestServer.start(site, '--workers', '1', '--listen', url));
let server = await start();
after(async () => {
  await server.stop();
  await site.remove();
});
const requests = new TusRequests(() => url, site);

interface Known {
  at?: string | undefined;
  /** Bytes that somebody was told of. */
  acknowledged: number;
  isWhole: boolean;
}

/** As far as it comes. */
async function upload(name: string): Promise<Known> {
  const body = bodyOf(name);
  const known: Known = { acknowledged: 0, isWhole: false };
  try {
    const made = await requests.ask('POST', `/o/live/${name}`, [
      ...requests.spoken,
      `Upload-Length: ${body.length}`,
    ]);
    if (made.status !== 201) return known;
    known.at = made.headers.get('location');
    for (const [from, to] of [
      [0, 4],
      [4, body.length],
    ] as const) {
      const { status } = await requests.patch(known.at ?? '', from, body.subarray(from, to));
      if (status !== 204) return known;
      known.acknowledged = to;
    }
    known.isWhole = true;
  } catch {}
  return known;
}

async function hasEnded(): Promise<boolean> {
  const ends = await Promise.race([server.ended().then(() => true), isReady()]);
  return ends;
}

/** False once it is ready again; never resolves with anything else. */
async function isReady(): Promise<boolean> {
  const ready = () =>
    fetch(`${server.control}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
  await until(ready, (status) => status === 200 || status === 0, 'an answer');
  return (await ready()) !== 200;
}

let rounds = 0;

async function inject(step: Step): Promise<string | undefined> {
  const name = `round-${++rounds}`;
  const body = bodyOf(name);
  const { hit, result: known } = await faults.during(step, () => upload(name));
  if (hit === undefined) {
    assert.ok(known.isWhole, 'without a fault');
    return undefined;
  }
  const what = `${step.error} ${step.number} ${hit}`;
  if (isKill(step.error)) assert.equal(await server.ended(), 'SIGKILL', what);
  if (isKill(step.error) || (await hasEnded())) server = await start();
  const again = known.at ?? (await requests.begin(`/o/live/${name}`, `Upload-Length: ${body.length}`));
  const { status, ...answer } = await requests.state(again);
  const isGivenUp = status === 404 && /^f(?:data)?sync .*\/data/.test(hit) && !isKill(step.error);
  if (!isGivenUp) {
    assert.equal(status, 204, `${what}: asked for: ${status}`);
    const offset = offsetOf({ status, ...answer });
    // Of a whole one that could not be stored the last byte is asked for again.
    assert.ok(offset >= Math.min(known.acknowledged, body.length - 1), `${what}: ${offset} bytes`);
    await requests.goOn(again, body).catch((error) => assert.fail(`${what}: ${error.message}`));
  }
  const got = await requests.ask('GET', `/o/live/${name}`, []);
  if (known.isWhole || !isGivenUp) assert.equal(got.body.toString(), body.toString(), what);
  return `${what}: ${known.acknowledged} bytes acknowledged${isGivenUp ? ', given up' : ''}`;
}

for (const [error, stride] of [
  ['EIO', 3],
  ['ENOSPC', 5],
  ['kill', 4],
] as const)
  test(`each step of an upload in three requests meets ${error}`, async (t) => {
    const steps = { most: maxSteps, stride: takesAll ? 1 : stride };
    const seen = await eachStep(steps, (number) => inject({ number, error }));
    t.diagnostic?.(seen.join('\n'));
    assert.ok(seen.length * steps.stride >= 20 && seen.length < maxSteps, `${seen.length} steps`);
  });
