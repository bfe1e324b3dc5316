// The sentinel fetches sealed objects over each listener, also with tokens, and reports the results.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const site = await createSite();
const config = JSON.parse(await readFile(site.config, 'utf8'));
const settings = { sentinel: { intervalSeconds: 0.2 }, auth: { ...config.auth, reads: 'token' } };
await writeFile(site.config, JSON.stringify({ ...config, ...settings }));
const server = await TestServer.start(
  site,
  ...['--listen', 'https://127.0.0.1:0', '--listen', 'http://127.0.0.1:0', '--workers', '1'],
);
after(async () => {
  await server.stop();
  await site.remove();
});

/** Number of responses in the groups that the guard compares. */
async function ofClients(): Promise<number> {
  const groups = ['canary', 'control'].map((group) =>
    server.metric(`sealgate_group_responses_total{group="${group}"}`),
  );
  return (await Promise.all(groups)).reduce((sum, count) => sum + count);
}

test('each path is fetched and brings the right bytes', async () => {
  assert.equal((await server.put('/o/files/object', site.config)).status, 201);
  const before = await ofClients();
  for (const way of ['canary', 'control', 'plain']) {
    const same = () => server.metric(`sealgate_sentinel_fetches{way="${way}",result="same"}`);
    await until(same, (count) => count > 1, way);
    assert.equal(await server.metric(`sealgate_sentinel_fetches{way="${way}",result="mismatched"}`), 0);
    assert.equal(await server.metric(`sealgate_sentinel_fetches{way="${way}",result="failed"}`), 0);
  }
  assert.ok((await server.metric('sealgate_group_responses_total{group="sentinel"}')) > 0);
  assert.equal(await ofClients(), before, "its fetches are no client's");
});

test('the token of the sentinel is in no log', () => {
  assert.ok(!/authorization|bearer/i.test(server.log()));
});
