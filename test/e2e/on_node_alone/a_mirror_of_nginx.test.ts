// A mirror of files that nginx has, over TLS with an authority of its own and a token.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Cache } from '../../caches/cache.ts';
import { makeAuthority, makeLeaf, type Pair } from '../../support/certificates.ts';
import { assertProblem } from '../../support/problem.ts';
import { runCli } from '../../support/runtime.ts';
import { temporaryFolder } from '../../support/store.ts';
import { programOf } from '../../support/unpacked.ts';
import { type MirrorServer, startMirrors } from '../../support/upstream.ts';

const dir = await temporaryFolder();
const files = join(dir, 'files');
const body = randomBytes(5_000_000);
let authority: Pair;
let nginx: Cache;
let mirrored: MirrorServer;

before(async () => {
  await mkdir(join(files, 'pool'), { recursive: true });
  await writeFile(join(files, 'pool/a_1.0+b~1.deb'), body);
  await writeFile(join(files, 'Release'), 'first');
  authority = await makeAuthority(dir, 'authority');
  const leaf = await makeLeaf(dir, authority, { subject: '/CN=localhost', names: ['localhost'] });
  const leafOfOurs = await makeLeaf(dir, authority, { subject: '/CN=mirror' });
  await chmod(leafOfOurs.key, 0o600);
  await mkdir(join(files, 'shown'));
  await writeFile(join(files, 'shown/x'), 'shown');
  const program = programOf('nginx', 'usr/sbin/nginx');
  nginx = await Cache.start('nginx', async (port) => {
    const config = join(dir, 'nginx.conf');
    await writeFile(config, configuration(leaf, port));
    return [program, '-p', dir, '-c', config, '-e', 'stderr'];
  });
  const url = `${nginx.url.replace('http://127.0.0.1', 'https://localhost')}/files/`;
  mirrored = await startMirrors(
    {
      own: { url, ca: authority.certificate, token: './token', attempts: 1 },
      shown: { ...leafOfOurs, url: `${url}shown/`, ca: authority.certificate, token: './token', attempts: 1 },
      unknown: { url, token: './token', attempts: 1 },
    },
    [
      { path: '/own/', upstreams: ['own'], cacheStatus: true },
      { path: '/shown/', upstreams: ['shown'], prefix: 'for-us/' },
      { path: '/unknown/', upstreams: ['unknown'], prefix: 'unknown/' },
    ],
    { token: 'first-token\n' },
  );
});
after(async () => {
  await mirrored?.stop();
  await nginx?.stop();
  await rm(dir, { recursive: true });
});

function configuration({ certificate, key }: Pair, port: number): string {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off; worker_processes 1; ${user} pid ${dir}/nginx.pid; error_log stderr error;
    events { worker_connections 512; }
    http {
      ${temporary.map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ')}
      access_log off; default_type application/octet-stream; gzip on; gzip_types *; gzip_min_length 1;
      map $http_authorization $known { "Bearer first-token" 1; "Bearer second-token" 1; default 0; }
      server {
        listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
        ssl_client_certificate ${authority.certificate}; ssl_verify_client optional;
        location /files/shown/ {
          if ($ssl_client_s_dn != "CN=mirror") { return 403; }
          alias ${files}/shown/;
        }
        location /files/ {
          if ($known = 0) { return 403; }
          alias ${files}/; add_header Cache-Control no-cache; add_header X-Token $http_authorization;
        }
      }
    }`;
}

test('a file comes over TLS whose authority is named, as nginx has it', async () => {
  const { server } = mirrored;
  const answer = await server.curl('/own/pool/a_1.0%2Bb~1.deb');
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(body));
  const part = await server.curl('/own/pool/a_1.0+b~1.deb', '-H', 'Range: bytes=4999990-');
  assert.deepEqual([part.status, part.body], [206, body.subarray(4_999_990)]);
});

test('nginx says by 304 that a file is the same, and sends one that has changed', async () => {
  const { server } = mirrored;
  const status = async () => (await server.curl('/own/Release')).headers.get('cache-status') ?? '';
  assert.equal((await server.curl('/own/Release')).body.toString(), 'first');
  assert.match(await status(), /^mirror; fwd=stale; fwd-status=304/);
  await writeFile(join(files, 'Release'), 'second, longer');
  assert.equal((await server.curl('/own/Release')).body.toString(), 'second, longer');
});

test('an upstream whose authority is not known gets no request and no token', async () => {
  assertProblem(await mirrored.server.curl('/unknown/Release'), 502, 'upstream-failed');
  await mirrored.logged(/self-signed|unable to/);
});

test('an upstream that asks for a certificate is shown one, if it is in the settings', async () => {
  assert.equal((await mirrored.server.curl('/shown/x')).body.toString(), 'shown');
  assertProblem(await mirrored.server.curl('/own/shown/x'), 502, 'upstream-failed');
});

test('a token replaced in its file is sent from then on; a wrong one is told in the log', async () => {
  const { server, site } = mirrored;
  const token = join(site.dir, 'token');
  await writeFile(token, 'wrong-token\n');
  await writeFile(join(files, 'later'), 'later');
  assertProblem(await server.curl('/own/later'), 502, 'upstream-failed');
  await mirrored.logged(/later.*it answered 403/);
  assert.doesNotMatch(server.log(), /wrong-token/);
  await writeFile(token, 'second-token\n');
  assert.equal((await server.curl('/own/later')).body.toString(), 'later');
});

test('a reload puts other upstreams in force, and refuses one whose authority cannot be read', async () => {
  const { server, site } = mirrored;
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  const write = (change: object) =>
    writeFile(
      site.config,
      JSON.stringify({
        ...config,
        upstreams: { ...config.upstreams, unknown: { ...config.upstreams.unknown, ...change } },
      }),
    );
  const reload = () => runCli('config', 'reload', '--config', site.config, '--control', `${server.control}`);
  await write({ ca: './nothing.pem' });
  await assert.rejects(reload(), /upstreams\.unknown\.ca: .*nothing\.pem cannot be read \(ENOENT\)/);
  await write({ ca: authority.certificate });
  await reload();
  assert.equal((await server.curl('/unknown/Release')).body.toString(), 'second, longer');
});
