// The second GET of an object runs no JavaScript, according to the counters of plan cache and application.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../../support/server.ts';

// The sentinel's requests would be counted too.
const site = await createSite({ sentinel: { intervalSeconds: 0 } });
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const asked = () => server.metric('sealgate_application_latency_seconds_count');
const hits = () => server.metric('sealgate_plan_cache_hits_total');

test('the application is asked once for an object, whatever the query', async () => {
  const file = join(site.dir, 'small');
  await writeFile(file, 'sealed');
  await server.put('/o/files/small', file);
  const before = await asked();

  assert.equal((await server.curl('/o/files/small')).status, 200);
  assert.equal(await asked(), before + 1);
  for (let i = 0; i < 5; i++) assert.equal((await server.curl('/o/files/small')).body.toString(), 'sealed');
  assert.equal((await server.curl('/o/files/small', '-I')).status, 200);
  assert.equal((await server.curl('/o/files/small', '-r', '0-2')).status, 206);
  for (const query of ['?', '?v=3', '?v=4&utm_source=x'])
    assert.equal((await server.curl(`/o/files/small${query}`)).body.toString(), 'sealed');
  assert.equal(await asked(), before + 1);
  assert.equal(await hits(), 10);
});

test('a listing depends on its query and never uses a kept plan', async () => {
  const list = async (query: string) => {
    const { entries } = JSON.parse((await server.curl(`/o/files/${query}`)).body.toString());
    return entries.map(({ name }: { name: string }) => name);
  };
  const before = await hits();
  assert.deepEqual(await list(''), ['small']);
  assert.deepEqual(await list('?prefix=x'), []);
  assert.deepEqual(await list('?prefix=s'), ['small']);
  assert.equal(await hits(), before);
});
