// log.fields selects the request fields in access log lines, also for malformed bodies; lines of the sentinel
// are marked.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createSite, type Site, TestServer } from '../../support/server.ts';
import { until } from '../../support/wait.ts';
import { request, Wire } from '../../support/wire.ts';

const sites: { site: Site; server: TestServer }[] = [];
after(async () => {
  for (const { site, server } of sites) {
    await server.stop();
    await site.remove();
  }
});

type Line = Record<string, string | number | boolean>;

async function start(log: object, sentinelSeconds: number) {
  const site = await createSite();
  const access = join(site.dir, 'access.log');
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const settings = { log: { ...config.log, ...log, access }, sentinel: { intervalSeconds: sentinelSeconds } };
  await writeFile(site.config, JSON.stringify({ ...config, ...settings }));
  const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0', '--workers', '1');
  sites.push({ site, server });
  const lines = async (): Promise<Line[]> =>
    (await readFile(access, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const line = async (is: (line: Line) => boolean) => {
    const found = await until(lines, (all) => all.some(is), 'a line of the access log');
    return found.find(is) ?? assert.fail();
  };
  return { site, server, line, lines };
}

const named = ['host', 'range', 'referer', 'user_agent', 'http_version'] as const;
const fieldsOf = (line: Line) => Object.fromEntries(named.map((name) => [name, line[name]]));

const all = await start({ fields: ['host', 'range', 'referer', 'userAgent', 'httpVersion'] }, 0.2);

async function send(bytes: string): Promise<number> {
  const wire = await Wire.open(all.server.url);
  wire.send(bytes);
  const { status } = await wire.response();
  wire.close();
  return status;
}

test('all fields: as sent, escaped if not text, truncated if long', async () => {
  const long = 'x'.repeat(3000);
  const fields = `Range: bytes=0-1\r\nReferer: "\\\xff\xc3(\r\nUser-Agent: ${long}`;
  await send(request('GET', '/o/files/none?fields', fields));
  const line = await all.line(({ target }) => target === '/o/files/none?fields');
  assert.deepEqual(fieldsOf(line), {
    host: 'localhost',
    range: 'bytes=0-1',
    referer: '"\\ÿÃ(',
    user_agent: 'x'.repeat(1024),
    http_version: '1.1',
  });
});

test('an HTTP/1.0 request without fields: only its version is logged', async () => {
  await send('GET /o/files/none?old HTTP/1.0\r\n\r\n');
  const line = await all.line(({ target }) => target === '/o/files/none?old');
  assert.deepEqual(JSON.parse(JSON.stringify(fieldsOf(line))), { http_version: '1.0' });
});

test('log.fields empty: no fields are logged', async () => {
  const none = await start({ fields: [] }, 0);
  await none.server.curl('/o/files/none', '-A', 'agent', '-H', 'Range: bytes=0-1');
  const line = await none.line(({ target }) => target === '/o/files/none');
  assert.deepEqual(JSON.parse(JSON.stringify(fieldsOf(line))), {});
});

for (const [what, body] of [
  ['a chunk line that is none', 'zz\r\n'],
  ['a chunk that is longer than it says', '3\r\nabcdef\r\n'],
] as const) {
  test(`an upload with ${what}: 400, with method and target`, async () => {
    const target = `/o/files/bad?${body.length}`;
    const fields = `Authorization: Bearer ${all.site.token}\r\nTransfer-Encoding: chunked`;
    const wire = await Wire.open(all.server.url);
    wire.send(request('PUT', target, fields));
    wire.send(body);
    assert.equal((await wire.response()).status, 400);
    wire.close();
    const line = await all.line((each) => each.target === target);
    assert.deepEqual([line.method, line.status], ['PUT', 400]);
  });
}

test('the sentinel, without TLS: marked, without its name, and no response of a client', async () => {
  await all.server.put('/o/files/object', all.site.config);
  const line = await all.line(({ target }) => String(target).startsWith('/sha256/'));
  assert.equal(line.group, 'sentinel');
  assert.equal(line.protocol, undefined);
  assert.equal(line.host, undefined);
  const got = 'sealgate_http_responses_total{status="2xx",method="GET"}';
  assert.equal(await all.server.metric(got), 0);
});
