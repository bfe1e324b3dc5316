// HAProxy before a server that takes its PROXY headers: what it passes on unread is served as its clients'.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';
import { programOf } from '../support/unpacked.ts';
import { until } from '../support/wait.ts';
import { Cache } from './cache.ts';

const proxyProtocol = { from: ['127.0.0.1'] };
const site = await createSite({
  workers: 1,
  buckets: { web: 'versioned' },
  log: { access: 'access.log', fields: ['httpVersion'] },
  sites: [
    { host: 'localhost', bucket: 'web', deny: ['127.0.0.6'] },
    { host: 'up.test', protocol: 'objects' },
  ],
  listeners: [
    { url: 'https://127.0.0.1:0', proxyProtocol },
    { url: 'http://127.0.0.1:0', proxyProtocol },
    'http://127.0.0.1:0',
  ],
});
const server = await TestServer.start(site);
const [tls, plain] = server.urls.map((url) => Number(new URL(url).port));
await writeFile(join(site.dir, 'a.txt'), 'hello');
process.env.SEALGATE_TOKEN = site.token;
await runCli('put', join(site.dir, 'a.txt'), 'web/a.txt', '--config', site.config);

const options = 'ssl,unique-id,crc32c';
/** How HAProxy sends its headers, and where to. */
const ways = {
  'version 1 before TLS': `server origin 127.0.0.1:${tls} send-proxy`,
  'version 2 before TLS': `server origin 127.0.0.1:${tls} send-proxy-v2 proxy-v2-options ${options}`,
  'version 1 in the clear': `server origin 127.0.0.1:${plain} send-proxy`,
  'version 2 in the clear': `server origin 127.0.0.1:${plain} send-proxy-v2`,
};
const ports = await Promise.all(Object.keys(ways).map(freePort));
const haproxy = await Cache.start('haproxy', async (port) => {
  const config = join(site.dir, 'haproxy.cfg');
  const sections = Object.values(ways).map(
    (way, at) => `
    listen way-${at}
      bind 127.0.0.1:${ports[at]}
      unique-id-format %{+X}o\\ %ci:%cp_%Ts
      ${way} check inter 200ms check-send-proxy`,
  );
  await writeFile(
    config,
    `
    global
      maxconn 200
    defaults
      mode tcp
      timeout connect 10s
      timeout client 60s
      timeout server 60s
      default-server on-marked-down shutdown-sessions
    listen ready
      bind 127.0.0.1:${port}
    ${sections.join('\n')}
`,
  );
  return [programOf('haproxy', 'usr/sbin/haproxy'), '-db', '-f', config];
});
after(async () => {
  await haproxy.stop();
  await server.stop();
  await site.remove();
});

async function logged(target: string): Promise<{ peer: string; http_version: string }> {
  const lines = async () =>
    (await readFile(join(site.dir, 'access.log'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes(`"${target}"`));
  const [line = ''] = await until(lines, ({ length }) => length === 1, `the line of ${target}`);
  return JSON.parse(line);
}

async function ask(at: number, from: string, target: string, ...args: string[]): Promise<string> {
  const url = `${at < 2 ? 'https' : 'http'}://localhost:${ports[at]}${target}`;
  const trust = ['--cacert', site.certificate, '--interface', from, '--ipv4'];
  const child = spawn('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...trust, ...args, url]);
  return (await outcome(child)).stdout;
}

for (const [at, name] of Object.keys(ways).entries()) {
  test(`${name}: the client's own address is logged, and judged by the site`, async () => {
    for (const args of [['--http1.1'], at < 2 ? ['--http2'] : ['--http2-prior-knowledge']]) {
      const target = `/a.txt?${at}${args}`;
      assert.equal(await ask(at, '127.0.0.5', target, ...args), '200');
      const { peer, http_version } = await logged(target);
      assert.deepEqual([peer, http_version], ['127.0.0.5', args[0] === '--http1.1' ? '1.1' : '2']);
      assert.equal(await ask(at, '127.0.0.6', '/a.txt', ...args), '403');
    }
  });
}

test('its health checks: taken for its own connections, and no fault', async () => {
  const outcomes = (outcome: string) => server.metric(`sealgate_proxy_headers_total{outcome="${outcome}"}`);
  await until(
    () => outcomes('own'),
    (count) => count >= 4,
    'health checks',
  );
  for (const fault of ['stranger', 'malformed', 'late']) assert.equal(await outcomes(fault), 0, fault);
});
