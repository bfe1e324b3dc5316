// Prometheus' own checker reads what /metrics says.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { promtool } from './promtool.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

// promtool reads the format before OpenMetrics, in which `_total` is part of a counter's name.
function inOlderFormat(openMetrics: string): string {
  const counters = [...openMetrics.matchAll(/^# TYPE (\w+) counter$/gm)].map(([, name]) => name);
  return openMetrics.replace(/^# (HELP|TYPE) (\w+) /gm, (line, what, name) =>
    counters.includes(name) ? `# ${what} ${name}_total ` : line,
  );
}

test('promtool check metrics', async () => {
  await server.curl('/o/files/none');
  const exposition = await (await fetch(`${server.control}/metrics`)).text();
  const { status, stdout, stderr } = await promtool(['check', 'metrics'], inOlderFormat(exposition));
  assert.equal(status, 0, stdout + stderr);
});
