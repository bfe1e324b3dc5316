// Every metric that contrib/ names is one that a running server exposes, and every rule that it refers to is
// there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { root } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const suffixes: Record<string, string[]> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};

// By family: a metric with labels has no sample before something happens.
async function exposed(): Promise<Set<string>> {
  const exposition = await (await fetch(`${server.control}/metrics`)).text();
  const families = [...exposition.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    families.flatMap(([, name = '', type = '']) => (suffixes[type] ?? []).map((suffix) => name + suffix)),
  );
}

for (const file of ['prometheus/alerts.yml', 'prometheus/alerts_test.yml', 'grafana/sealgate.json']) {
  test(file, async () => {
    // Activation is told once there was a connection.
    await server.curl('/o/files/none');
    const there = await exposed();
    const text = await readFile(join(root, 'contrib', file), 'utf8');
    const named = [...text.matchAll(/(?<![\w:])sealgate_[a-z_0-9]+\b(?!:)/g)].map(([name]) => name);
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((name) => !there.has(name)),
      [],
    );
  });
}
