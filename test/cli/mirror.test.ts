// sealgate mirror: beside a server with a mirror of a real upstream on loopback.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { outcome, spawnCli } from '../support/runtime.ts';
import { type MirrorServer, startMirrors, startUpstream } from '../support/upstream.ts';

const files = new Map<string, { body: string; etag?: string }>();
const upstream = await startUpstream(({ url = '', headers }, response) => {
  const file = files.get(url);
  if (!file) return void response.writeHead(404).end();
  if (file.etag !== undefined) response.setHeader('etag', file.etag);
  if (file.etag !== undefined && headers['if-none-match'] === file.etag)
    return void response.writeHead(304).end();
  response.setHeader('content-length', Buffer.byteLength(file.body));
  response.setHeader('cache-control', 'max-age=3600');
  response.end(file.body);
});
let mirrored: MirrorServer;
before(async () => {
  mirrored = await startMirrors({ up: { url: upstream.url, attempts: 1 } }, [
    {
      ...{ path: '/m/', upstreams: ['up'] },
      mirror: { local: ['/m/own/**'], rules: [{ match: '/m/v1/**', immutable: true }], negativeSeconds: 0 },
    },
  ]);
  const file = join(mirrored.site.dir, 'tool');
  await writeFile(file, 'ours');
  assert.equal((await mirrored.server.put('/o/mirror/own/tool', file)).status, 201);
});
after(async () => {
  await mirrored.stop();
  upstream.close();
});
beforeEach(() => {
  upstream.asked.length = 0;
});

async function mirror(...args: string[]) {
  const control = ['--control', mirrored.server.control ?? '', '--config', mirrored.site.config];
  return outcome(spawnCli(['mirror', ...args, ...control]));
}
const names = async () => {
  const { stdout } = await mirror('ls', 'mirror', '--json');
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};

test('warm fetches objects by name and by URL, and says which are not to be had', async () => {
  files.set('/v1/a', { body: 'a', etag: '"a"' });
  files.set('/v1/b', { body: 'b' });
  const { status, stdout } = await mirror('warm', 'mirror/v1/a', 'http://localhost/m/v1/b');
  assert.deepEqual([status, stdout], [0, '2 fetched\n']);
  assert.deepEqual(upstream.asked.sort(), ['GET /v1/a', 'GET /v1/b']);
  const again = await mirror('warm', 'mirror/v1/a', 'mirror/v1/none', 'files/x');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /mirror\/v1\/none: absent/);
  assert.match(again.stderr, /files\/x: failed: No site with upstreams fetches into files\/x/);
  assert.deepEqual(again.stdout.trim().split(', ').sort(), ['1 absent', '1 failed', '1 kept']);
});

test('warm reads names from standard input', async () => {
  for (let i = 0; i < 20; i++) files.set(`/in/${i}`, { body: String(i) });
  const list = [...files.keys()].filter((path) => path.startsWith('/in/')).map((path) => `mirror${path}\n`);
  const child = spawnCli(['mirror', 'warm', '--control', mirrored.server.control ?? ''], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: mirrored.site.dir,
  });
  child.stdin?.end(list.join(''));
  const { status, stdout } = await outcome(child);
  assert.deepEqual([status, stdout], [0, '20 fetched\n']);
});

test('ls tells of each object when it came, was used, until when it is fresh, and from whom', async () => {
  files.set('/hour', { body: 'h' });
  await mirrored.server.curl('/m/hour');
  const [hour, own, a] = ['hour', 'own/tool', 'v1/a'];
  const found = new Map((await names()).map((each) => [each.name, each]));
  assert.equal(found.get(hour).upstream, 'up');
  const ahead = Date.parse(found.get(hour).fresh) - Date.now();
  assert.ok(ahead > 3_500_000 && ahead <= 3_600_000, String(ahead));
  assert.ok(Math.abs(Date.parse(found.get(hour).used) - Date.now()) < 60_000);
  assert.deepEqual([found.get(own).upstream, found.get(own).fresh], [undefined, undefined]);
  assert.equal(found.get(a).fresh, undefined, 'a rule says that it never changes');
  const { stdout } = await mirror('ls');
  assert.match(stdout, /^\*\/m\/: mirror has .* in \d+ objects, from up$/m);
});

test('forget removes what matches a pattern, and what was stored here stays', async () => {
  files.set('/old/a', { body: '1' });
  files.set('/old/b/c', { body: '2' });
  await mirror('warm', 'mirror/old/a', 'mirror/old/b/c');
  const { status, stdout } = await mirror('forget', 'mirror/old/**', '--why', 'a test');
  assert.deepEqual([status, stdout], [0, 'mirror/old/**: 2 forgotten\n']);
  const own = await mirror('forget', 'mirror/own/tool');
  assert.equal(own.status, 1);
  assert.match(own.stderr, /mirror\/own\/tool: stays/);
  assert.ok((await names()).every(({ name }) => !name.startsWith('old/')));
  upstream.asked.length = 0;
  assert.equal((await mirrored.server.curl('/m/old/a')).body.toString(), '1');
  assert.deepEqual(upstream.asked, ['GET /old/a']);
});

test('check tells what changed upstream, what is gone and what is the same; nothing is fetched', async () => {
  for (const name of ['same', 'other', 'gone']) files.set(`/c/${name}`, { body: name, etag: `"${name}"` });
  await mirror('warm', 'mirror/c/same', 'mirror/c/other', 'mirror/c/gone');
  assert.equal((await mirror('check', 'mirror/c/')).stdout, '3 same\n');
  files.set('/c/other', { body: 'OTHER', etag: '"2"' });
  files.delete('/c/gone');
  const { status, stdout } = await mirror('check', 'mirror/c/');
  assert.equal(status, 1);
  assert.match(stdout, /^changed {2}mirror\/c\/other: /m);
  assert.match(stdout, /^gone {2}mirror\/c\/gone$/m);
  assert.match(stdout, /1 same/);
  assert.equal((await mirrored.server.curl('/o/mirror/c/other')).body.toString(), 'other');
});

test('wrong arguments and no server are told apart', async () => {
  assert.equal((await mirror('forget', 'mirror')).status, 2);
  assert.equal((await mirror('forget', 'mirror/a**b')).status, 1);
  const { status, stderr } = await outcome(
    spawnCli(['mirror', 'ls', '--control', 'http://127.0.0.1:1', '--config', mirrored.site.config]),
  );
  assert.equal(status, 3);
  assert.match(stderr, /no server answers there; is 'sealgate serve' running/);
});
