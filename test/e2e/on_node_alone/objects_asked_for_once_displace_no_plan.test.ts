// A crawl over more objects than the plan cache holds does not displace plans that are used repeatedly; an
// object requested twice gets a kept plan.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';
import { writeTree } from '../../support/tree.ts';

const kept = 8;
const crawled = 100;
// The sentinel's requests would be counted too.
const limits = { planCacheEntries: kept, connections: 64 };
const site = await createSite({ limits, sentinel: { intervalSeconds: 0 } });
const tree = join(site.dir, 'tree');
const names = Array.from({ length: kept + crawled }, (_, i) => i);
await writeTree(tree, Object.fromEntries(names.map((i) => [`o${i}`, `object ${i}`])));
await runCli('import', tree, '--config', site.config, '--bucket', 'files');
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

async function get(number: number): Promise<void> {
  const { status, body } = await server.curl(`/o/files/o${number}`);
  assert.deepEqual([status, body.toString()], [200, `object ${number}`]);
}

/** The objects that were answered without asking the application. */
async function known(numbers: number[]): Promise<number[]> {
  const found: number[] = [];
  for (const number of numbers) {
    const before = await server.metric('sealgate_plan_cache_hits_total');
    await get(number);
    if ((await server.metric('sealgate_plan_cache_hits_total')) > before) found.push(number);
  }
  return found;
}

test('a crawl displaces no plan in use, and an object requested twice gets one', async () => {
  const hot = names.slice(0, kept);
  for (const number of names) await get(number);
  assert.deepEqual(await known(hot), hot);

  const last = kept + crawled - 1;
  await get(last);
  assert.deepEqual(await known([last]), [last]);
  assert.equal(await server.metric('sealgate_plan_cache_entries'), kept);
});
