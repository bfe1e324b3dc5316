// A site whose `publicUrl` says where clients see it, behind a proxy: redirects lead there, `sealgate sign`
// and `sealgate explain` take such URLs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, freePort, TestServer } from '../support/server.ts';

// As an operator has it: TLS and a path of its own before the server, which sees another host and path.
const port = await freePort();
const publicUrl = `http://127.0.0.1:${port}/files/`;
const inner = { host: 'inner.test', path: '/v/', bucket: 'web' };
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  sites: [
    {
      ...inner,
      publicUrl,
      redirects: [
        { from: '/v/old/**', to: '/v/new/$1' },
        { from: '/v/away', to: 'https://other.test/' },
        { from: '/v/up', to: '/elsewhere' },
      ],
    },
    { ...inner, path: '/v/deep/', publicUrl: 'https://deep.test/' },
    { host: '*', path: '/api/', protocol: 'objects', publicUrl: 'https://api.test/' },
    {
      host: 'cdn.test',
      path: '/s/',
      bucket: 'web',
      publicUrl: 'https://cdn.example/x/',
      signed: { keys: ['./k.key'] },
    },
  ],
});
await writeFile(join(site.dir, 'k.key'), 'k'.repeat(32), { mode: 0o600 });
await writeFile(join(site.dir, 'token'), site.token, { mode: 0o600 });
const server = await TestServer.start(site, '--listen', 'http://127.0.0.1:0');
const at = new URL(server.url);

/** A proxy as nginx's `location /files/ { proxy_pass http://inner.test/v/; }` with `proxy_redirect off`. */
const proxy = createServer((asked, answer) => {
  const path = (asked.url ?? '').replace(/^\/files\//, '/v/');
  const passed = request(
    { host: at.hostname, port: at.port, path, headers: { Host: 'inner.test' } },
    (got) => {
      answer.writeHead(got.statusCode ?? 500, got.headers);
      got.pipe(answer);
    },
  );
  passed.end();
});
proxy.listen(port, '127.0.0.1');
await once(proxy, 'listening');
after(async () => {
  proxy.close();
  proxy.closeAllConnections();
  await server.stop();
  await site.remove();
});

for (const name of ['new/a.txt', 'dir/index.html', 'deep/index.html']) {
  const file = join(site.dir, 'upload');
  await writeFile(file, name);
  await runCli('put', file, `web/${name}`, '--config', site.config, '--token-file', join(site.dir, 'token'));
}
const location = async (host: string, path: string, ...args: string[]) => {
  const { status, headers } = await server.curl(path, '-H', `Host: ${host}`, ...args);
  return [status, headers.get('location')];
};

test('redirects of a site lead to its public URL; those that leave it are as they are', async () => {
  assert.deepEqual(await location('inner.test', '/v/old/a.txt?v=1'), [308, `${publicUrl}new/a.txt?v=1`]);
  assert.deepEqual(await location('inner.test', '/v/dir'), [301, `${publicUrl}dir/`]);
  assert.deepEqual(await location('inner.test', '/v/away'), [308, 'https://other.test/']);
  assert.deepEqual(await location('inner.test', '/v/up'), [308, '/elsewhere']);
});

test('what belongs to another site is sent on to the public URL of that one', async () => {
  assert.deepEqual(await location('inner.test', '/v//deep/a%41'), [308, 'https://deep.test/aA']);
  assert.deepEqual(await location('inner.test', '/v'), [301, publicUrl]);
});

test('an upload is at the public URL', async () => {
  const put = ['-T', join(site.dir, 'token'), '-H', `Authorization: Bearer ${site.token}`];
  assert.deepEqual(await location('any.test', '/api/o/web/up%20load', ...put), [
    201,
    'https://api.test/o/web/up%20load',
  ]);
});

test('curl follows redirects through a proxy that changes host and path', async () => {
  for (const [from, body] of [
    ['old/a.txt', 'new/a.txt'],
    ['dir', 'dir/index.html'],
  ]) {
    const { status, stdout } = await outcome(spawnCurl(`${publicUrl}${from}`));
    assert.deepEqual([status, stdout], [0, body]);
  }
});

test('sealgate sign takes the URL that clients see, and signs what the server sees', async () => {
  const sign = async (...args: string[]) =>
    (await runCli('sign', ...args, '--for', '1h', '--config', site.config)).trim();
  const seen = (url: string) => url.replace('https://cdn.example/x/', '/s/');
  for (const more of [[], ['--in', 'path'], ['--prefix', '/x/new/'], ['--prefix', '/x/n*', '--in', 'path']]) {
    const url = await sign('https://cdn.example/x/new/a.txt', ...more);
    assert.match(url, /^https:\/\/cdn\.example\/x\//);
    assert.equal((await server.curl(seen(url), '-H', 'Host: cdn.test')).body.toString(), 'new/a.txt', url);
    const other = seen(url).replace('new/a.txt', 'dir/index.html');
    assert.equal((await server.curl(other, '-H', 'Host: cdn.test')).status, 403, other);
  }
  const outside = [
    'sign',
    'https://cdn.example/x/a',
    '--for',
    '1h',
    '--prefix',
    '/*',
    '--config',
    site.config,
  ];
  const refused = await outcome(spawnCli(outside));
  assert.match(refused.stderr, /--prefix: expected what \/x\/a begins with/);
});

test('explain takes a public URL, and says that of a URL as the server sees it', async () => {
  const explain = async (url: string) => {
    const answer = await fetch(`${server.control}/explain?url=${encodeURIComponent(url)}`);
    return (await answer.json()) as { site: { host: string; path: string }; publicUrl: string; path: string };
  };
  for (const url of [`${publicUrl}new/a.txt`, 'http://inner.test/v/new/a.txt']) {
    const said = await explain(url);
    assert.deepEqual([said.site.host, said.site.path, said.path], ['inner.test', '/v/', '/v/new/a.txt']);
    assert.equal(said.publicUrl, `${publicUrl}new/a.txt`);
  }
  assert.equal((await explain('https://api.test/o/web/x#f')).publicUrl, 'https://api.test/o/web/x');
  const args = [
    'explain',
    `${publicUrl}new/a.txt`,
    '--config',
    site.config,
    '--control',
    server.control ?? '',
  ];
  assert.match(await runCli(...args), new RegExp(`^public +${publicUrl}new/a.txt$`, 'm'));
});

test('URLs that no browser writes so, and one that two sites have: refused', async () => {
  const file = join(site.dir, 'wrong.json');
  const faultOf = async (...urls: unknown[]) => {
    const sites = urls.map((each, n) => ({ host: `${n}.test`, bucket: 'web', publicUrl: each }));
    await writeFile(file, JSON.stringify({ sites }));
    const error = await loadConfig({ file, env: {} }).then(
      () => undefined,
      (cause) => cause,
    );
    return error instanceof ConfigError ? error.message : '';
  };
  for (const wrong of [
    ...[
      'a.test',
      'https://a.test',
      'ftp://a.test/',
      'https://A.test/',
      'https://a.test:443/',
      'https://a.test/b',
    ],
    ...[
      'https://u@a.test/',
      'https://a.test/?q/',
      'https://a.test/#f/',
      'https://a.test/a/../',
      'https://a b/',
    ],
    ...['', 7, `https://a.test/${'a'.repeat(2048)}/`],
  ])
    assert.match(await faultOf(wrong), /sites\.0\.publicUrl: expected/, `${wrong}`);
  assert.equal(await faultOf('https://a.test/', 'http://a.test:8080/%C3%A9/'), '');
  assert.match(
    await faultOf('https://a.test/', 'https://a.test/'),
    /sites\.1\.publicUrl: expected another URL than sites\.0 has, https:\/\/a\.test\//,
  );
});

function spawnCurl(url: string) {
  return spawn('curl', ['-sS', '-L', '--max-time', '60', url]);
}
