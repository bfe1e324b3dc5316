// Metrics and /status say what was answered for each site, by its name. A site that is read again goes on
// counting, and what is for no site is nobody's.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { request, Wire } from '../support/wire.ts';

const own = { host: 'a.test', protocol: 'objects' };
const docs = { host: '*.b.test', path: '/d/', protocol: 'objects', name: 'docs' };
const site = await createSite({
  buckets: { web: 'write-once' },
  sentinel: { intervalSeconds: 0 },
  sites: [own, docs],
});
const start = JSON.parse(await readFile(site.config, 'utf8'));
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '2');
after(async () => {
  await server.stop();
  await site.remove();
});

const large = join(site.dir, 'large');
await writeFile(large, Buffer.alloc(64_000_000, 'large'));
const at = (host: string, path: string, ...args: string[]) =>
  server.curl(path, '-H', `Host: ${host}`, ...args);

type Counted = Record<string, number>;
async function counted(): Promise<Counted> {
  const text = await (await fetch(`${server.control}/metrics`)).text();
  const lines = [...text.matchAll(/^sealgate_site_(\w+)_total\{([^}]*)\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, name, labels, value]) => [`${name} ${labels}`, Number(value)]));
}

test('responses by site and status, and bytes; none of a host without a site', async () => {
  assert.deepEqual(await counted(), {});
  assert.equal(
    (await at('a.test', '/o/web/x', '-T', large, '-H', `Authorization: Bearer ${site.token}`)).status,
    201,
  );
  for (let i = 0; i < 3; i++) assert.equal((await at('x.b.test', '/d/o/web/x', '-r', '0-99')).status, 206);
  assert.equal((await at('y.b.test', '/d/o/web/none')).status, 404);
  assert.equal((await at('none.test', '/o/web/x')).status, 421);
  assert.equal((await at('y.b.test', '/o/web/x')).status, 404, 'below no site');
  const found = await counted();
  const sent = 'sent_bytes site="docs"';
  assert.ok((found[sent] ?? 0) > 4 * 100, JSON.stringify(found));
  delete found[sent];
  assert.ok((found['sent_bytes site="a.test/"'] ?? 0) > 100);
  delete found['sent_bytes site="a.test/"'];
  const zero = { 'cut_responses site="a.test/"': 0, 'cut_responses site="docs"': 0 };
  assert.deepEqual(found, {
    ...zero,
    'responses site="a.test/",status="2xx"': 1,
    'responses site="docs",status="2xx"': 3,
    'responses site="docs",status="4xx"': 1,
    'received_bytes site="a.test/"': 64_000_000,
    'received_bytes site="docs"': 0,
  });
});

test('a response that is cut is counted of its site', async () => {
  const wire = await Wire.open(server.url);
  wire.socket.pause();
  wire.send(request('GET', '/o/web/x', 'Host: a.test'));
  await until(
    () => server.metric('sealgate_connections{state="sending"}'),
    (open) => open === 1,
    'a response under way',
  );
  wire.socket.resetAndDestroy();
  await until(counted, (found) => found['cut_responses site="a.test/"'] === 1, 'the cut response');
});

test('a site that is changed, renamed, or removed and back: its name goes on counting', async () => {
  const reload = async (sites: object[]) => {
    await writeFile(site.config, JSON.stringify({ ...start, sites }));
    assert.equal((await fetch(`${server.control}/reload`, { method: 'POST' })).status, 200);
  };
  const responses = async (name: string) => (await counted())[`responses site="${name}",status="2xx"`];
  const ask = () => at('x.b.test', '/d/o/web/x', '-r', '0-9');
  await reload([own, { ...docs, cors: { origins: ['*'] } }]);
  await ask();
  assert.equal(await responses('docs'), 4);
  await reload([own, { ...docs, name: 'manual' }]);
  await ask();
  assert.deepEqual([await responses('docs'), await responses('manual')], [4, 1]);
  await reload([own]);
  assert.equal(await responses('docs'), 4);
  await reload([own, docs]);
  await ask();
  assert.deepEqual([await responses('docs'), await responses('manual')], [5, 1]);
});

test('/status lists them, those with most responses first', async () => {
  const { sites } = (await (await fetch(`${server.control}/status`)).json()) as {
    sites: { name: string; responses: object; receivedBytes: number }[];
  };
  assert.deepEqual(sites.map(({ name }) => name).sort(), ['a.test/', 'docs', 'manual']);
  assert.deepEqual([sites[0]?.name, sites[0]?.responses], ['docs', { '2xx': 5, '4xx': 1 }]);
  assert.equal(sites.find(({ name }) => name === 'a.test/')?.receivedBytes, 64_000_000);
});
