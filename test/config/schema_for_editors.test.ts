// The JSON Schema that init writes for editors accepts and refuses the same files as sealgate.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';
import { runCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
const written = await json(join(site.dir, 'sealgate.schema.json'));
const schema = z.fromJSONSchema(written);
const accepts = (config: unknown) => schema.safeParse(config).success;

test('init writes what config schema prints', async () => {
  assert.deepEqual(JSON.parse(await runCli('config', 'schema')), written);
});

test('the schema accepts the file that init writes, which has its path in $schema', async () => {
  const config = await json(site.config);
  assert.equal(config.$schema, './sealgate.schema.json');
  assert.ok(accepts(config));
});

test('the schema accepts an empty file, and the output of config show', async () => {
  assert.ok(accepts({}));
  assert.ok(accepts(JSON.parse(await runCli('config', 'show', '--config', site.config))));
});

for (const wrong of [
  { bogus: 1 },
  { workers: 0 },
  { workers: '2' },
  { listeners: ['127.0.0.1:1'] },
  { listeners: [] },
  { ktls: { mode: 'on' } },
  { limits: { headTimeout: '10s' } },
  { limits: { nothing: 1 } },
  { buckets: { Upper: 'versioned' } },
  { buckets: { a: 'fast' } },
  { tls: { minVersion: 'TLSv1.1' } },
]) {
  test(`the schema refuses ${JSON.stringify(wrong)}, as sealgate does`, () => {
    assert.ok(!accepts(wrong));
    assert.ok(!configSchema.safeParse(wrong).success);
  });
}

test('every setting but the sections is described', () => {
  const undescribed = Object.entries<{ description?: string; type?: string }>(written.properties)
    .filter(([, { description, type }]) => description === undefined && type !== 'object')
    .map(([name]) => name);
  assert.deepEqual(undescribed, []);
});
