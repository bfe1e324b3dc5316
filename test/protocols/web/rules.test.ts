// Rules of sites over HTTP: Cache-Control, response fields, what uploads may not do, and cross-origin
// sharing from kept plans.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../../support/runtime.ts';
import { createSite, type Response, TestServer } from '../../support/server.ts';

const large = 'x'.repeat(50_000);
const files: Record<string, string> = {
  'index.html': '<h1>home</h1>',
  'a.3f2a9c1b.js': 'let a;',
  'a.js': 'let a;',
  'a.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'large.txt': large,
  '404.html': 'none',
};
const app = 'https://app.test';
const tenants = {
  fields: [{ match: '/**', add: { Vary: 'X-Tenant' } }],
  security: { hsts: { maxAge: 60 } },
};
const site = await createSite({
  buckets: { web: 'versioned' },
  sentinel: { intervalSeconds: 0 },
  workers: 1,
  sites: [
    {
      host: 'www.test',
      bucket: 'web',
      notFound: '404.html',
      caching: [
        { match: '/a.js', value: 'no-store' },
        { match: '**', maxAge: 60, staleWhileRevalidate: 600 },
      ],
      hashedNames: true,
      fields: [
        {
          match: '/*.js',
          set: { 'X-Frame-Options': 'DENY', 'X-One': 'a' },
          add: { Link: '</x>; rel=preload' },
        },
        { match: '**/a.js', remove: ['x-one'], add: { Link: '</y>; rel=preload' } },
      ],
      security: {
        hsts: { maxAge: 600 },
        contentSecurityPolicy: "default-src 'self'",
        frameOptions: 'SAMEORIGIN',
      },
      isolation: { resource: 'cross-origin', embedder: 'require-corp', opener: 'same-origin' },
      cors: {
        origins: [app, 'https://*.wild.test'],
        credentials: true,
        timing: true,
        privateNetwork: true,
        methods: ['GET', 'HEAD', 'PUT'],
      },
    },
    { host: 'open.test', bucket: 'web', cors: { origins: ['*'] } },
    { host: 'api.test', protocol: 'objects', cors: { origins: [app], headers: ['X-A', 'X-B'] } },
    { host: 'trusted.test', protocol: 'objects', webContent: true },
    { host: 'tenants.test', bucket: 'web', ...tenants },
    { host: 'tenants.test', path: '/s/', protocol: 'objects', ...tenants },
    { host: 'bare.test', bucket: 'web', security: { nosniff: false } },
  ],
});
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});
const tree = join(site.dir, 'tree');
await mkdir(tree);
for (const [name, text] of Object.entries(files)) await writeFile(join(tree, name), text);
const tokenFile = join(site.dir, 'token');
await writeFile(tokenFile, site.token, { mode: 0o600 });
await runCli('import', tree, '--bucket', 'web', '--config', site.config, '--token-file', tokenFile);

const get = (host: string, path: string, ...args: string[]): Promise<Response> =>
  server.curl(path, '-H', `Host: ${host}`, ...args);
const field = ({ headers }: Response, name: string) => headers.get(name);
const origin = (from: string) => ['-H', `Origin: ${from}`];

test('Cache-Control is that of the first rule, and of the hash in a name', async () => {
  const control = async (path: string) => field(await get('www.test', path), 'cache-control');
  assert.equal(await control('/'), 'public, max-age=60, stale-while-revalidate=600');
  assert.equal(await control('/a.js'), 'no-store');
  assert.equal(await control('/a.3f2a9c1b.js'), 'public, max-age=31536000, immutable');
  assert.equal(field(await get('bare.test', '/a.js'), 'cache-control'), 'public, max-age=0, must-revalidate');
});

test('fields of security and isolation are on every answer, those of rules on what they match', async () => {
  const one = await get('www.test', '/a.3f2a9c1b.js');
  assert.deepEqual(
    ['x-frame-options', 'x-one', 'link'].map((name) => field(one, name)),
    ['DENY', 'a', '</x>; rel=preload'],
  );
  const two = await get('www.test', '/a.js');
  assert.deepEqual(
    [field(two, 'x-one'), field(two, 'link')],
    [undefined, '</x>; rel=preload, </y>; rel=preload'],
  );
  for (const path of ['/', '/none', '/a.js']) {
    const all = await get('www.test', path);
    assert.equal(field(all, 'strict-transport-security'), 'max-age=600', path);
    assert.equal(field(all, 'content-security-policy'), "default-src 'self'");
    assert.equal(field(all, 'x-content-type-options'), 'nosniff');
    assert.equal(field(all, 'cross-origin-resource-policy'), 'cross-origin');
    assert.equal(field(all, 'cross-origin-embedder-policy'), 'require-corp');
    assert.equal(field(all, 'cross-origin-opener-policy'), 'same-origin');
  }
  assert.equal(field(await get('bare.test', '/a.js'), 'x-content-type-options'), undefined);
});

test('refusals have the fields of the site, and say for no time that they may be kept', async () => {
  const token = ['-H', `Authorization: Bearer ${site.token}`];
  const upload = ['-X', 'PUT', '--data-binary', 'x', '-H', 'Expect:', ...token];
  const cases: [status: number, path: string, ...args: string[]][] = [
    [412, '/a.js', '-H', 'If-Match: "x"'],
    [416, '/a.js', '-H', 'Range: bytes=100-'],
    [404, '/absent'],
    [400, '/%zz'],
    [412, '/s/o/web/a.js', '-H', 'If-Match: "x"'],
    [416, '/s/o/web/a.js', '-H', 'Range: bytes=100-'],
    [404, '/s/o/web/absent'],
    [400, '/s/o/web/a//b'],
    [401, '/s/o/web/new', '-X', 'DELETE'],
    [405, '/s/o/web/new', '-X', 'POST'],
    [412, '/s/o/web/a.js', ...upload, '-H', 'If-None-Match: *'],
    [422, '/s/o/web/new', ...upload, '-H', `X-Checksum-Sha256: ${'0'.repeat(64)}`],
  ];
  for (const [status, path, ...args] of cases) {
    // Twice: from the application and from a kept plan.
    for (let i = 0; i < 2; i++) {
      const answer = await get('tenants.test', path, ...args);
      const said = ['vary', 'strict-transport-security'].map((name) => answer.headers.get(name));
      assert.deepEqual([answer.status, ...said], [status, 'X-Tenant', 'max-age=60'], `${status} ${path}`);
      assert.equal(answer.headers.get('cache-control'), 'no-store', path);
    }
  }
});

test('HTML and SVG of an objects site are sandboxed, unless it is web content', async () => {
  for (const name of ['index.html', 'a.svg'])
    assert.equal(field(await get('api.test', `/o/web/${name}`), 'content-security-policy'), 'sandbox', name);
  assert.equal(field(await get('api.test', '/o/web/a.js'), 'content-security-policy'), undefined);
  assert.equal(field(await get('trusted.test', '/o/web/index.html'), 'content-security-policy'), undefined);
  assert.equal(field(await get('open.test', '/index.html'), 'content-security-policy'), undefined);
});

test('an allowed origin is sent back on every kind of answer, and every answer varies by it', async () => {
  const etag = field(await get('www.test', '/a.js'), 'etag') ?? '';
  const kinds: [what: string, status: number, path: string, args: string[]][] = [
    ['whole', 200, '/a.js', []],
    ['range', 206, '/a.js', ['-r', '0-1']],
    ['not modified', 304, '/a.js', ['-H', `If-None-Match: ${etag}`]],
    ['precondition', 412, '/a.js', ['-H', 'If-Match: "x"']],
    ['unsatisfiable', 416, '/a.js', ['-r', '99-']],
    ['HEAD', 200, '/a.js', ['-I']],
    ['missing', 404, '/none', []],
    ['refused', 405, '/a.js', ['-X', 'DELETE']],
    ['large', 200, '/large.txt', []],
  ];
  for (const [what, status, path, args] of kinds) {
    const allowed = await get('www.test', path, ...args, ...origin(app));
    assert.equal(allowed.status, status, what);
    assert.equal(field(allowed, 'access-control-allow-origin'), app, what);
    assert.equal(field(allowed, 'access-control-allow-credentials'), 'true', what);
    assert.equal(field(allowed, 'timing-allow-origin'), app, what);
    assert.match(field(allowed, 'access-control-expose-headers') ?? '', /ETag/, what);
    for (const others of [[], origin('https://evil.test'), origin('null'), origin('nonsense')]) {
      const refused = await get('www.test', path, ...args, ...others);
      assert.equal(refused.status, status, what);
      assert.equal(field(refused, 'access-control-allow-origin'), undefined, what);
      assert.equal(field(refused, 'vary'), 'Origin', what);
    }
  }
});

test('kept plans serve every origin: no further question to the application', async () => {
  const misses = () => server.metric('sealgate_plan_cache_misses_total');
  for (const path of ['/index.html', '/large.txt']) {
    const plain = await get('www.test', path);
    await get('www.test', path);
    const before = await misses();
    const origins = [app, 'https://a.wild.test', 'https://evil.test', 'https://b.c.wild.test', app];
    for (const from of origins) {
      const answer = await get('www.test', path, ...origin(from));
      const expected = from.includes('evil') ? undefined : from;
      assert.equal(field(answer, 'access-control-allow-origin'), expected, from);
      assert.deepEqual(answer.body, plain.body);
    }
    const again = await get('www.test', path);
    assert.equal(field(again, 'access-control-allow-origin'), undefined);
    assert.equal(await misses(), before);
  }
});

test('a site for all origins says so in each answer, which does not vary', async () => {
  for (const from of [[], origin(app), origin('null')]) {
    const answer = await get('open.test', '/a.js', ...from);
    assert.equal(field(answer, 'access-control-allow-origin'), '*');
    assert.equal(field(answer, 'vary'), undefined);
    assert.equal(field(answer, 'access-control-allow-credentials'), undefined);
  }
});

test('preflights are answered with what the site allows', async () => {
  const asked = ['-X', 'OPTIONS', '-H', 'Access-Control-Request-Method: PUT'];
  const names = ['-H', 'Access-Control-Request-Headers: x-a,range'];
  const near = ['-H', 'Access-Control-Request-Private-Network: true'];
  const allowed = await get('www.test', '/none', ...asked, ...names, ...near, ...origin(app));
  assert.equal(allowed.status, 204);
  assert.equal(field(allowed, 'access-control-allow-origin'), app);
  assert.equal(field(allowed, 'access-control-allow-methods'), 'GET, HEAD, PUT');
  assert.equal(field(allowed, 'access-control-allow-headers'), 'x-a,range');
  assert.equal(field(allowed, 'access-control-max-age'), '600');
  assert.equal(field(allowed, 'access-control-allow-private-network'), 'true');
  const refused = await get('www.test', '/a.js', ...asked, ...origin('https://evil.test'));
  assert.deepEqual([refused.status, field(refused, 'access-control-allow-origin')], [204, undefined]);
  const listed = await get('api.test', '/o/web/a.js', ...asked, ...names, ...near, ...origin(app));
  assert.equal(field(listed, 'access-control-allow-headers'), 'X-A, X-B');
  assert.equal(field(listed, 'access-control-allow-private-network'), undefined);
  const none = await get('bare.test', '/a.js', ...asked, ...origin(app));
  assert.equal(field(none, 'access-control-allow-methods'), undefined);
});
