// Writers of what is unnamed, each at the moment when a round is about to do something with just that:
// nothing that was acknowledged is lost, with two rounds at a time.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Tier } from '../../../src/upstream/tier.ts';
import { collectTier } from '../../../src/upstream/tier_collection.ts';
import type { Asked } from '../../../src/upstream/upstream.ts';
import { Ceph } from '../../support/ceph.ts';
import { sha256 } from '../../support/sharing.ts';
import { OpenTier } from '../../support/tier.ts';

const graceSeconds = 8;
/** Of what nothing names at first, and what nobody writes again. */
const [raced, left] = [240, 20];

const ceph = await Ceph.start();
const open = await OpenTier.at(ceph.url());
after(async () => {
  await open.end();
  await ceph.end();
});

const text = (index: number) => `raced ${index}`;
const byDigest = new Map<string, number>();
for (let index = 0; index < raced; index++) byDigest.set(sha256(text(index)), index);
const writes = new Map<number, Promise<string>>();

/** Writes one, if it was not yet, up to some milliseconds later. */
function write(index: number): void {
  if (writes.has(index)) return;
  const [spread = 0] = crypto.getRandomValues(new Uint8Array(1));
  writes.set(
    index,
    wait(spread / 20).then(() => open.put(`raced/${index}`, text(index))),
  );
}

/** Which step of a round a request is. */
function stepOf({ method, path, body }: Asked): string | undefined {
  const what = body && 'text' in body ? body.text : '';
  if (method === 'DELETE') return path.startsWith('sha256/') ? 'deletes' : 'cleans';
  return method === 'PUT' ? /candidate|condemned/.exec(what)?.[0] : undefined;
}

const steps = ['candidate', 'condemned', 'deletes', 'cleans'];

/** Has the writer of a blob start as a round takes a step with it, for a quarter of them at each step. */
class RacingTier extends Tier {
  override send(asked: Asked) {
    const index = byDigest.get(asked.path.split('/').at(-1) ?? '');
    if (index !== undefined && stepOf(asked) === steps[index % steps.length]) write(index);
    return super.send(asked);
  }
}

const isGone = async (index: number) => (await ceph.ask('HEAD', `sha256/${sha256(`left ${index}`)}`)).status;

test('240 blobs that are written again while rounds mark and delete them are there afterwards', async (t) => {
  await open.put('named', 'named');
  for (let index = 0; index < raced; index++) await open.keep(text(index));
  for (let index = 0; index < left; index++) await open.keep(`left ${index}`);
  const counted = { removed: 0, spared: 0, elsewhere: 0 };
  let isOver = false;
  const rounds = async () => {
    const tier = new RacingTier(open.upstream);
    const { signal } = new AbortController();
    const options = { graceSeconds, requestsPerSecond: 2000, dryRun: false, signal };
    for (; !isOver; await wait(200)) {
      const { removed, spared, failed } = await collectTier(tier, options);
      counted.removed += removed.blobs;
      counted.spared += spared;
      // A busy machine may be too late with a deletion: that is refused, and a later round makes it.
      for (const { why } of failed) assert.match(why, /AccessDenied|403/);
    }
  };
  const collecting = [rounds(), rounds()];
  const collected = Promise.all(collecting);
  const end = performance.now() + 240_000;
  for (let gone = 0; gone < left || writes.size < raced; await wait(500)) {
    gone = 0;
    for (let index = 0; index < left; index++) gone += Number((await isGone(index)) === 404);
    assert.ok(performance.now() < end, `${gone} of ${left} are gone, ${writes.size} were written again`);
  }
  await Promise.all(writes.values());
  isOver = true;
  await collected;
  for (const index of writes.keys()) {
    const { body } = await ceph.ask('GET', `refs/web/raced/${index}`);
    const { digest, place } = JSON.parse(body) as { digest: string; place?: string };
    counted.elsewhere += Number(place !== undefined);
    const blob = await ceph.ask('GET', `sha256/${digest}${place === undefined ? '' : `.${place}`}`);
    assert.deepEqual([blob.status, blob.body], [200, text(index)], body);
  }
  t.diagnostic(JSON.stringify(counted));
});
