// With "site" in log.fields, lines of the access log name the site that answered: by its name in the
// configuration, else by its host and path.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Wire } from '../support/wire.ts';

const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  log: { access: 'access.log', fields: ['site'] },
  sites: [
    { host: 'a.test', bucket: 'web' },
    { host: '*.b.test', path: '/d/', bucket: 'web', name: 'docs' },
  ],
});
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

test('lines name the site, those of no site name none', async () => {
  const wire = await Wire.open(server.url);
  const { objects } = JSON.parse(await readFile(join(site.dir, 'store', 'server.json'), 'utf8'));
  const asked: [host: string, target: string, name: string | undefined][] = [
    ['a.test', '/1', 'a.test/'],
    ['x.b.test', '/d/2', 'docs'],
    ['x.b.test', '/3', undefined],
    ['other.test', '/4', undefined],
    ['other.test', `${objects}5`, undefined],
  ];
  for (const [host, target] of asked) await wire.get(target, `Host: ${host}`);
  wire.close();
  const lines = async () =>
    (await readFile(join(site.dir, 'access.log'), 'utf8')).split('\n').filter((line) => line !== '');
  const said = await until(lines, ({ length }) => length === asked.length, 'the access log');
  assert.deepEqual(
    said.map((line) => JSON.parse(line).site),
    asked.map(([, , name]) => name),
  );
});
