// The control listener: health, and metrics in OpenMetrics text with every counter of the engine.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

test('health and readiness', async () => {
  for (const path of ['/healthz', '/readyz']) {
    const answer = await fetch(`${server.control}${path}`);
    assert.equal(answer.status, 200, path);
    await answer.body?.cancel();
  }
});

test('/metrics is well-formed OpenMetrics text', async () => {
  await server.curl('/o/files/none');
  const answer = await fetch(`${server.control}/metrics`);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
  const text = await answer.text();
  assert.ok(text.endsWith('\n# EOF\n'));
  for (const line of text.trimEnd().split('\n')) {
    assert.match(
      line,
      /^(# (HELP|TYPE) sealgate_\w+ .+|# EOF|sealgate_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+\d.e]+)$/,
    );
  }
});

test('requests and responses appear in the counters', async () => {
  const before = await server.metric('sealgate_problems_total{problem="not-found"}');
  const sent = await server.metric('sealgate_responses_total{delivery="tls-send"}');
  await server.curl('/o/files/none');
  assert.equal(await server.metric('sealgate_problems_total{problem="not-found"}'), before + 1);
  assert.equal(await server.metric('sealgate_responses_total{delivery="tls-send"}'), sent + 1);
});
