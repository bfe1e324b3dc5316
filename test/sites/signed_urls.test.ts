// Signed URLs on a whole server: what they open, and what they do not.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../support/runtime.ts';
import { createSite, type Response, TestServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const [first, second] = ['1'.repeat(32), '2'.repeat(64)];
const cors = { origins: ['https://player.example'] };
const keys = ['./keys/first.key', './keys/second.key'];
const site = await createSite({
  buckets: { video: 'versioned', secret: 'versioned' },
  auth: { reads: 'token' },
  log: { access: './access.log', fields: ['referer'] },
  sites: [
    { host: 'a.example', bucket: 'video', signed: { keys }, cors, errorPages: { 403: 'refused.html' } },
    { host: 'b.example', bucket: 'video', signed: { keys } },
    { host: 'deep.example', path: '/v/', bucket: 'video', signed: { keys } },
    { host: 'both.example', bucket: 'video', signed: { keys, required: false } },
    { host: 'cdn.example', bucket: 'video', signed: { keys, sharedCaches: true } },
    { host: 'secret.example', bucket: 'secret', signed: { keys } },
    { host: '*', protocol: 'objects' },
  ],
});
const keyFile = (name: string) => join(site.dir, 'keys', `${name}.key`);
await mkdir(join(site.dir, 'keys'));
await writeFile(keyFile('first'), `${first}\n`, { mode: 0o600 });
await writeFile(keyFile('second'), second, { mode: 0o600 });
const names = ['hls/a/index.m3u8', 'hls/a/1.ts', 'hls/ab/1.ts', 'top secret.txt', 'ä.txt', 'refused.html'];
for (const name of [...names, 'folder/index.html']) {
  await writeFile(join(site.dir, 'body'), name);
  await runCli('put', join(site.dir, 'body'), `video/${name}`, '--config', site.config);
}
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

interface Says {
  site?: string;
  expires?: number;
  key?: string;
  secret?: string;
  method?: string;
  network?: string;
  prefix?: string;
}

/** By the words of docs/signed-urls.md alone. @param path as it is sent. */
function parameters(path: string, says: Says = {}): string {
  const { site = 'a.example/', expires = Math.floor(Date.now() / 1000) + 600, key = 'first' } = says;
  const { secret = first, method, network, prefix } = says;
  const scope = prefix === undefined ? ['path', path] : ['prefix', prefix];
  const lines = ['sealgate-url-1', site, expires, key, method ?? '', network ?? '', ...scope];
  const signature = createHmac('sha256', secret).update(lines.join('\n')).digest('hex');
  const more = [
    ...(method === undefined ? [] : [`&sg-method=${method}`]),
    ...(network === undefined ? [] : [`&sg-network=${network}`]),
    ...(prefix === undefined ? [] : [`&sg-prefix=${prefix.length}`]),
  ];
  return `sg-expires=${expires}&sg-key=${key}${more.join('')}&sg-signature=${signature}`;
}

const ask = (target: string, host = 'a.example', ...args: string[]) =>
  server.curl(target, '-H', `Host: ${host}`, ...args);
const signed = (path: string, says?: Says) => `${path}?${parameters(path, says)}`;
const isRefusal = ({ status, headers }: Response) =>
  status === 403 && headers.get('cache-control') === 'no-store';
const problemOf = async (target: string, host = 'b.example', ...args: string[]) => {
  const answer = await ask(target, host, ...args);
  return answer.status === 403 ? JSON.parse(answer.body.toString()).title : answer.status;
};
const b = { site: 'b.example/' };

test('a signed URL, in the query and in the path: its object, for the client alone', async () => {
  const path = '/hls/a/index.m3u8';
  for (const target of [signed(path), `/~${parameters(path)}${path}`, `${signed(path)}&CMCD=br%3D1`]) {
    const { status, headers, body } = await ask(target);
    assert.deepEqual([status, body.toString()], [200, 'hls/a/index.m3u8'], target);
    assert.equal(headers.get('cache-control'), 'private, max-age=0, must-revalidate');
  }
  const part = await ask(signed(path), 'a.example', '-r', '0-2');
  assert.deepEqual([part.status, part.body.toString()], [206, 'hls']);
  assert.equal((await ask(signed(path), 'a.example', '-I')).status, 200);
});

test('all signatures of a path share one kept plan, and are asked of no application', async () => {
  const path = '/hls/a/1.ts';
  await ask(signed(path));
  // The sentinel asks too.
  const hits = await server.metric('sealgate_plan_cache_hits_total');
  for (let more = 1; more <= 3; more++) {
    const expires = Math.floor(Date.now() / 1000) + 1000 * more;
    assert.equal((await ask(signed(path, { expires }))).status, 200);
    assert.equal((await ask(`/~${parameters(path, { expires })}${path}`)).status, 200);
    assert.equal((await ask(signed(path, { expires, key: 'second', secret: second }))).status, 200);
  }
  assert.equal((await ask(`/~${parameters(path, { prefix: '/hls/' })}${path}`)).status, 200);
  assert.ok((await server.metric('sealgate_plan_cache_hits_total')) >= hits + 10);
});

test('without a signature, with a wrong one and with one that has ended: 403, and why', async () => {
  const path = '/hls/a/1.ts';
  assert.equal(await problemOf(path), 'signature-missing');
  assert.equal(await problemOf(signed(path, { ...b, secret: 'x'.repeat(32) })), 'signature-invalid');
  const expires = Math.floor(Date.now() / 1000);
  assert.equal(await problemOf(signed(path, { ...b, expires })), 'signature-expired');
  assert.equal(await problemOf(signed(path, b)), 200);
  // A token does not stand for the signature.
  const bearer = ['-H', `Authorization: Bearer ${site.token}`];
  assert.equal(await problemOf(path, 'b.example', ...bearer), 'signature-missing');
});

test('a refusal is shown by the page of the site, and no cache keeps it', async () => {
  const refused = await ask('/hls/a/1.ts');
  assert.ok(isRefusal(refused));
  assert.equal(refused.body.toString(), 'refused.html');
});

const path = '/hls/a/1.ts';
const right = parameters(path, b);
const below = parameters(path, { ...b, prefix: '/hls/a/' });
const hostile: Record<string, string> = {
  'cut short': `${path}?${right.slice(0, -1)}`,
  'cut off': `${path}?${right.slice(0, right.indexOf('&sg-signature'))}`,
  'its case changed': `${path}?${right.toUpperCase()}`,
  'of 8 KB': `${path}?${right}${'a'.repeat(7900)}`,
  'its key twice': `${path}?${right}&sg-key=first`,
  'two of them': `${path}?${right}&${right}`,
  'in query and path': `/~${right}${path}?${right}`,
  'an unknown parameter of ours': `${path}?${right}&sg-address=1`,
  'a later end': `${path}?${right.replace(/sg-expires=\d/, '$&9')}`,
  'a prefix that was not signed': `${path}?${right}&sg-prefix=${path.length}`,
  'another path': `/hls/a/index.m3u8?${right}`,
  'the path encoded otherwise': `/hls/%61/1.ts?${right}`,
  'two slashes': `/hls//a/1.ts?${right}`,
  'a dot segment before it': `/hls/./a/1.ts?${right}`,
  'beside the folder': `/hls/ab/1.ts?${below}`,
  'out of the folder': `/hls/a/../ab/1.ts?${below}`,
  'out of the folder, encoded': `/hls/a/%2e%2e/ab/1.ts?${below}`,
  'out of the folder, half encoded': `/hls/a/.%2E/ab/1.ts?${below}`,
  'out of the folder by an encoded slash': `/hls/a/..%2fab/1.ts?${below}`,
  'out of the folder, in the path': `/~${below}/hls/a/../ab/1.ts`,
  'not as the first segment': `/hls/~${right}/a/1.ts`,
  'its tilde encoded': `/%7E${right}${path}`,
  'nothing behind it': `/~${right}`,
  'of another site with the same key': signed(path, { site: 'a.example/' }),
  'of an unknown key': signed(path, { ...b, key: 'third' }),
  'by the wrong one of two keys': signed(path, { ...b, key: 'second' }),
  'for another network': signed(path, { ...b, network: '192.0.2.0_24' }),
  'for a network that is none': signed(path, { ...b, network: '127.0.0.0/8' }).replace('127', '%31'),
  'for HEAD': signed(path, { ...b, method: 'HEAD' }),
  'not ASCII, encoded': `${path}?${right}%C3%A9`,
  'a NUL at its end': `${path}?${right}%00`,
};

for (const [what, target] of Object.entries(hostile)) {
  test(`a signature, ${what}: 403`, async () => {
    assert.ok(isRefusal(await ask(target, 'b.example')), target);
  });
}

test('a signature with bytes that no URL has: 400', async () => {
  assert.equal((await ask(`${path}?${right}é`, 'b.example')).status, 400);
});

test('a prefix without a slash at its end covers what begins so, as it was signed', async () => {
  assert.equal(await problemOf(`/hls/ab/1.ts?${parameters('', { ...b, prefix: '/hls/a' })}`), 200);
});

test('network and method: who fits is served', async () => {
  assert.equal(await problemOf(signed(path, { ...b, network: '127.0.0.0_8' })), 200);
  assert.equal(await problemOf(signed(path, { ...b, network: '127.0.0.1', method: 'GET' })), 200);
  assert.equal(await problemOf(signed(path, { ...b, method: 'GET' }), 'b.example', '-I'), 200);
  assert.equal(await problemOf(signed(path, { ...b, method: 'HEAD' }), 'b.example', '-I'), 200);
});

test('names with blanks and letters beyond ASCII are signed as they are sent', async () => {
  for (const name of ['/top%20secret.txt', '/%C3%A4.txt'])
    assert.equal(await problemOf(signed(name, b)), 200, name);
});

test('a site below a path: its signature stands behind that path', async () => {
  const deep = { site: 'deep.example/v/' };
  const full = '/v/hls/a/1.ts';
  assert.equal(await problemOf(signed(full, deep), 'deep.example'), 200);
  assert.equal(await problemOf(`/v/~${parameters(full, deep)}/hls/a/1.ts`, 'deep.example'), 200);
  assert.equal(await problemOf(`/~${parameters(full, deep)}${full}`, 'deep.example'), 404);
});

test('a folder without its slash: the way there keeps a signature in the path', async () => {
  const says = parameters('/folder', { ...b, prefix: '/folder' });
  const answer = await ask(`/~${says}/folder`, 'b.example');
  assert.deepEqual([answer.status, answer.headers.get('location')], [301, './folder/']);
  assert.equal((await ask(`/~${says}/folder/`, 'b.example')).body.toString(), 'folder/index.html');
});

test('where a signature is not required: it opens the bucket, and so does a token', async () => {
  const both = { site: 'both.example/' };
  assert.equal(await problemOf(signed(path, both), 'both.example'), 200);
  assert.equal((await ask(path, 'both.example')).status, 401);
  const token = /sgt_[\w-]+/.exec(await runCli('token', 'add', 'read:video', '--config', site.config))?.[0];
  const withToken = () => ask(path, 'both.example', '-H', `Authorization: Bearer ${token}`);
  await until(withToken, ({ status }) => status === 200, 'the token is known');
  // Who shows a wrong signature is not let in by the token beside it.
  const wrong = signed(path, { ...both, key: 'third' });
  assert.equal(
    await problemOf(wrong, 'both.example', '-H', `Authorization: Bearer ${token}`),
    'signature-invalid',
  );
});

test('a signature opens no other door: not the protocol of objects, and no writing', async () => {
  assert.equal((await ask(signed('/o/video/hls/a/1.ts', { site: '*/' }), 'other.example')).status, 401);
  assert.equal((await ask(signed(path), 'a.example', '-X', 'DELETE')).status, 405);
  assert.equal(await problemOf(signed('/none', { site: 'secret.example/' }), 'secret.example'), 404);
});

test('where the CDN verifies, shared caches may keep what is signed', async () => {
  const { headers } = await ask(signed(path, { site: 'cdn.example/' }), 'cdn.example');
  assert.equal(headers.get('cache-control'), 'public, max-age=0, must-revalidate');
});

test('other origins: a preflight needs no signature, and the refusal can be read', async () => {
  const origin = ['-H', 'Origin: https://player.example'];
  const asks = [...origin, '-X', 'OPTIONS', '-H', 'Access-Control-Request-Method: GET'];
  for (const target of [path, `/~${right}${path}`]) {
    const { status, headers } = await ask(target, 'a.example', ...asks);
    assert.deepEqual([status, headers.get('access-control-allow-origin')], [204, 'https://player.example']);
  }
  for (const target of [path, signed(path)])
    assert.equal(
      (await ask(target, 'a.example', ...origin)).headers.get('access-control-allow-origin'),
      'https://player.example',
    );
});

test('no log has a signature: not of what was served or refused, nor in Referer', async () => {
  const target = signed('/logged', { ...b, expires: 1 });
  await ask(target, 'b.example', '-e', `https://b.example${signed(path, b)}`);
  await ask(target, 'nowhere.example');
  await ask(signed('/logged'), 'a.example');
  const log = () => readFile(join(site.dir, 'access.log'), 'utf8');
  const lines = await until(log, (text) => text.split('"target":"/logged').length > 3, 'the lines are there');
  assert.doesNotMatch(lines, /signature=[0-9a-f]/);
  assert.match(lines, /signature=\.\.\./);
  assert.match(lines, /"target":"\/logged"/);
  assert.doesNotMatch(server.log(), /signature=[0-9a-f]/);
  for (const secret of [first, second]) assert.ok(!(lines + server.log()).includes(secret));
});

test('keys replaced and removed while the server runs: only what is there counts', async () => {
  const [by1, by2] = [signed(path, b), signed(path, { ...b, key: 'second', secret: second })];
  assert.deepEqual([await problemOf(by1), await problemOf(by2)], [200, 200]);
  const third = '3'.repeat(40);
  await writeFile(join(site.dir, 'next'), third, { mode: 0o600 });
  await rename(join(site.dir, 'next'), keyFile('first'));
  await until(
    () => problemOf(by1),
    (found) => found === 'signature-invalid',
    'the old key is over',
  );
  assert.equal(await problemOf(signed(path, { ...b, secret: third })), 200);
  assert.equal(await problemOf(by2), 200);
  await rm(keyFile('second'));
  await until(
    () => problemOf(by2),
    (found) => found === 'signature-invalid',
    'the removed key is over',
  );
  assert.equal(await server.metric('sealgate_signing_keys_broken'), 1);
  // A slip locks nobody out, and is told.
  await chmod(keyFile('first'), 0o644);
  await until(server.log, (log) => /first\.key: others may read it \(mode 644\)/.test(log), 'the log tells');
  assert.equal(await problemOf(signed(path, { ...b, secret: third })), 200);
});
