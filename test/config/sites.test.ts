// Sites in the configuration: what they cannot be is refused with its place and what is expected there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from '../support/site_faults.ts';

const web = { bucket: 'web' };
const live = { protocol: 'live', bucket: 'live' };
const oci = { protocol: 'oci', bucket: 'images', path: '/v2/' };
const redirect = (from: string, to: string, status = 308) => ({ ...web, redirects: [{ from, to, status }] });

const rule = (list: string, given: object) => ({ ...web, [list]: [{ match: '/a/**', ...given }] });
const cors = (origins: string[], more = {}) => ({ ...web, cors: { origins, ...more } });

const wrong: [what: string, site: unknown, fault: RegExp][] = [
  ['a web site without a bucket', {}, /^0\.bucket: expected a bucket name/],
  ['a bucket with a slash', { bucket: 'a/b' }, /^0\.bucket: expected a bucket name: .*got "a\/b"/],
  [
    'a protocol that is not there',
    { protocol: 'ftp' },
    /^0\.protocol: expected one of web, objects, live, mirror, oci, bazel, got "ftp"/,
  ],
  ['a publishing point without a bucket', { protocol: 'live' }, /^0\.bucket: expected a bucket name/],
  [
    'a registry whose public URL does not end with /v2/',
    { ...oci, publicUrl: 'https://a.test/' },
    /^0\.publicUrl: expected a URL that ends with \/v2\//,
  ],
  ['a registry without a bucket', { protocol: 'oci', path: '/v2/' }, /^0\.bucket: expected a bucket name/],
  ['a registry at another path', { ...oci, path: '/' }, /^0\.path: expected a path that ends with \/v2\//],
  ['a registry that compresses', { ...oci, compress: true }, /^0\.compress: expected nothing: digests/],
  ['an index of a registry', { ...oci, index: 'a' }, /^0\.index: expected nothing: protocol oci/],
  ['a build cache without a bucket', { protocol: 'bazel' }, /^0\.bucket: expected a bucket name/],
  [
    'a build cache that compresses',
    { protocol: 'bazel', bucket: 'a', compress: true },
    /^0\.compress: expected nothing: Bazel takes the bytes/,
  ],
  [
    'a build cache of no bytes',
    { protocol: 'bazel', bucket: 'a', bazel: { maxBytes: 0 } },
    /^0\.bazel\.maxBytes: /,
  ],
  ['bounds of builds elsewhere', { bucket: 'a', bazel: {} }, /^0\.bazel: expected nothing: protocol web/],
  ['a window of no time', { ...live, window: { seconds: 0 } }, /^0\.window\.seconds: /],
  ['a window without time and count', { ...live, window: {} }, /^0\.window: expected seconds, or count/],
  ['a window of no segment', { ...live, window: { count: 0 } }, /^0\.window\.count: /],
  ['no name at all', { ...live, names: { most: 0 } }, /^0\.names\.most: /],
  [
    'limits of names of a web site',
    { ...web, names: { most: 9 } },
    /^0\.names: expected nothing: protocol web/,
  ],
  [
    'a rewrite that is not there',
    { ...live, rewrite: 'yes' },
    /^0\.rewrite: expected one of refuse, replace/,
  ],
  [
    'a window of a web site',
    { ...web, window: { seconds: 9 } },
    /^0\.window: expected nothing: protocol web/,
  ],
  ['rewriting of a web site', { ...web, rewrite: 'replace' }, /^0\.rewrite: expected nothing: protocol web/],
  ['an index of a publishing point', { ...live, index: 'a' }, /^0\.index: expected nothing: protocol live/],
  [
    'signed URLs of a publishing point',
    { ...live, signed: { keys: ['a.key'] } },
    /^0\.signed: expected nothing: protocol live has no signed/,
  ],
  ['a host with a port', { ...web, host: 'x.test:443' }, /^0\.host: .*without a port, got "x\.test:443"/],
  ['a host in upper case', { ...web, host: 'X.test' }, /^0\.host: expected a host name in lower case/],
  ['a path without a slash at its end', { ...web, path: '/a' }, /^0\.path: .*ends with a slash, got "\/a"/],
  ['a path with a query', { ...web, path: '/a?b/' }, /^0\.path: expected a path as clients send it/],
  ['a bucket of an objects site', { protocol: 'objects', bucket: 'web' }, /^0\.bucket: expected nothing/],
  ['an index with a slash at its start', { ...web, index: '/index.html' }, /^0\.index: expected the name/],
  ['a prefix that leads upwards', { ...web, prefix: 'a/../' }, /^0\.prefix: expected what names begin with/],
  ['notFound beside fallback', { ...web, notFound: 'a', fallback: 'b' }, /^0\.notFound: expected nothing/],
  ['an error page of 404', { ...web, errorPages: { 404: 'a' } }, /^0\.errorPages\.404: expected 401, 403/],
  ['a setting that is not there', { ...web, indexes: 'a' }, /^0: there is no setting "indexes"/],
  ['nothing that is read while it is written', { ...web, readWhileWriting: [] }, /^0\.readWhileWriting: /],
  [
    'resumable uploads of a web site',
    { ...web, resumableUploads: {} },
    /^0\.resumableUploads: expected nothing/,
  ],
  [
    'resumable uploads that never expire',
    { protocol: 'objects', resumableUploads: { expireAfter: 0 } },
    /^0\.resumableUploads\.expireAfter: /,
  ],
  [
    'reading while writing elsewhere',
    { ...web, path: '/a/', readWhileWriting: ['/b/**'] },
    /^0\.readWhileWriting\.0: it matches nothing: expected a pattern that begins with the path of the site/,
  ],
  [
    'signed URLs of an objects site',
    { protocol: 'objects', signed: { keys: ['a.key'] } },
    /^0\.signed: expected/,
  ],
  ['signed URLs without a key', { ...web, signed: { keys: [] } }, /^0\.signed\.keys: /],
  [
    'two signing keys of one id',
    { ...web, signed: { keys: ['a/x.key', 'b/x.key'] } },
    /^0\.signed\.keys\.1: expected another id than x again/,
  ],
  [
    'a signing key whose name no URL can have',
    { ...web, signed: { keys: ['a&b.key'] } },
    /^0\.signed\.keys\.0: expected a file whose name has letters/,
  ],
  [
    'shared caches where a signature is not required',
    { ...web, signed: { keys: ['a.key'], required: false, sharedCaches: true } },
    /^0\.signed\.sharedCaches: expected false beside "required": false/,
  ],
  [
    'a network with host bits',
    { ...web, allow: ['10.1.2.3/8'] },
    /^0\.allow\.0: expected 10\.0\.0\.0\/8, as/,
  ],
  [
    'a network of IPv6 with host bits',
    { ...web, deny: ['::1', '2001:db8::1/32'] },
    /^0\.deny\.1: expected 2001:db8::\/32, as/,
  ],
  ['a network that is none', { ...web, allow: ['10.0.0.0/33'] }, /^0\.allow\.0: expected an IP address, or/],
  [
    'a name in place of a network',
    { ...web, deny: ['localhost'] },
    /^0\.deny\.0: expected an IP address, or/,
  ],
  ['open reads of one site', { ...web, auth: 'open' }, /^0\.auth: expected token, got "open"/],
  ['a redirect without a slash', redirect('old', '/new'), /redirects\.0\.from: .*begins with \/ or \*\*/],
  [
    'a redirect with a regular expression',
    redirect('/(a|b)', '/c'),
    /redirects\.0\.from: expected a pattern/,
  ],
  ['a pattern with two ** ', redirect('/**/a/**', '/c'), /redirects\.0\.from: expected at most one \*\*/],
  ['a pattern with two stars side by side', redirect('/*a*', '/c'), /redirects\.0\.from: .*at most one \*/],
  ['a pattern with dot segments', redirect('/../a', '/c'), /redirects\.0\.from: it matches nothing/],
  ['a status that is none of a redirect', redirect('/a', '/b', 200), /redirects\.0\.status: .*got 200/],
  [
    'a target with two slashes',
    redirect('/a', '//evil.test'),
    /redirects\.0\.to: expected a path that begins/,
  ],
  ['a target with a line end', redirect('/a', '/b\r\nX: y'), /redirects\.0\.to: expected a path that begins/],
  ['a captured host', redirect('/*', 'https://$1/'), /redirects\.0\.to: expected a path that begins/],
  [
    'a capture that is not there',
    redirect('/a/*', '/b/$2'),
    /redirects\.0\.to: expected no more than \$1: \/a\/\* captures one part, by/,
  ],
  ['a redirect to itself', redirect('/a', '/a'), /redirects\.0\.to: expected a redirect that ends/],
  [
    'a pattern that its target matches',
    redirect('/a/**', '/a/b/$1'),
    /redirects\.0\.to: .*redirect that ends/,
  ],
  [
    'a redirect of the site to its own host',
    { ...redirect('/**', 'https://x.test/$1'), host: 'x.test' },
    /redirects\.0\.to: expected a redirect that ends/,
  ],
  [
    'a pattern outside the path of the site',
    { ...redirect('/other/*', '/b'), path: '/a/' },
    /redirects\.0\.from: it matches nothing: expected a pattern that begins with the path of the site, \/a\//,
  ],
  ['a caching rule that says nothing', rule('caching', {}), /caching\.0\.value: expected a value, or maxAge/],
  [
    'a caching rule for nothing',
    { ...rule('caching', { maxAge: 1 }), path: '/b/' },
    /caching\.0\.match: it matches/,
  ],
  [
    'a field that frames',
    rule('fields', { set: { 'content-Length': '1' } }),
    /expected another field: the server/,
  ],
  [
    'a field of CORS',
    rule('fields', { set: { 'access-control-allow-origin': '*' } }),
    /this one is for cors/,
  ],
  [
    'a field with a line end',
    rule('fields', { set: { 'X-A': 'a\r\nX-B: b' } }),
    /set\.X-A: expected printable ASCII/,
  ],
  [
    'a field with a blank in its name',
    rule('fields', { add: { 'X A': 'a' } }),
    /expected the name of a field/,
  ],
  [
    'preloaded HSTS of a day',
    { ...web, security: { hsts: { maxAge: 1, preload: true } } },
    /hsts\.preload: expected/,
  ],
  [
    'any origin with credentials',
    cors(['*'], { credentials: true }),
    /cors\.origins: expected a list without \*/,
  ],
  ['any origin beside another', cors(['*', 'https://a.test']), /cors\.origins: expected nothing beside \*/],
  ['the origin null', cors(['null']), /cors\.origins\.0: expected an origin as browsers send it/],
  ['an origin with a path', cors(['https://a.test/']), /cors\.origins\.0: expected an origin/],
  ["an origin with its scheme's port", cors(['https://a.test:443']), /cors\.origins\.0: .*own port/],
  ['a star within a name', cors(['https://a*.test']), /cors\.origins\.0: expected an origin/],
  ['an origin with a port that is none', cors(['https://a.test:65536']), /origins\.0: .*up to 65535/],
  [
    'a pattern with one bracket',
    rule('caching', { match: '/[', maxAge: 1 }),
    /match: expected \] for each \[/,
  ],
  ['a pattern with a bracket too many', redirect('/a]b', '/c'), /from: expected \] for each \[/],
  ['a pattern with braces the wrong way', redirect('/}a{', '/c'), /from: expected } for each {/],
  ['a pattern with nothing in brackets', redirect('/a[]', '/c'), /from: expected \] for each \[/],
  ['a path with dot segments', { ...web, path: '/../x/' }, /^0\.path: .*without empty segments, \. and/],
  ['a path of slashes', { ...web, path: '//' }, /^0\.path: expected a path without empty segments/],
  ['a path with an encoded letter', { ...web, path: '/%41/' }, /^0\.path: expected no %41, which clients/],
  ['a path with an encoded slash', { ...web, path: '/a%2Fb/' }, /^0\.path: expected no %2F/],
  ['a path with a backslash', { ...web, path: '/a\\b/' }, /^0\.path: expected a path as clients send it/],
  ['a path encoded in lower case', { ...web, path: '/%c3%a9/' }, /^0\.path: expected UTF-8 behind each %/],
  ['a path with half a character', { ...web, path: '/%C3/' }, /^0\.path: expected UTF-8 behind each %/],
  ['a target with a user', redirect('/a', 'https://good.test@evil.test/'), /to: .* without a user name/],
  [
    'a capture of what captures nothing',
    redirect('/a', '/b/$1'),
    /to: expected no \$1: \/a captures nothing/,
  ],
  [
    'a pattern of which one alternative comes back',
    {
      ...web,
      redirects: [
        { from: '/{a,b}', to: '/$1x' },
        { from: '/bx', to: '/b' },
      ],
    },
    /redirects\.0\.to: expected a redirect that ends: following it from \/b comes back/,
  ],
  [
    'a field that is set and removed',
    rule('fields', { set: { 'X-A': '1' }, remove: ['x-a'] }),
    /fields\.0: expected each field once in set and remove, and not x-a twice/,
  ],
  ['a rule of fields that says nothing', rule('fields', {}), /fields\.0: expected fields to set, add or/],
  ['Allow that is removed', rule('fields', { remove: ['Allow'] }), /remove\.0: expected another field/],
  ['an age of its own', rule('fields', { set: { Age: '1' } }), /set\.Age: .*caches make it/],
  ['a proxy of its own', rule('fields', { add: { Via: '1.1 a' } }), /add\.Via: .*proxies make it/],
  ['a field of one hop', rule('fields', { set: { 'Proxy-Connection': 'a' } }), /between two hops/],
  ['web content of a web site', { ...web, webContent: true }, /webContent: expected nothing/],
];

for (const [what, site, fault] of wrong) {
  test(`${what} is refused`, async () => {
    const [first = 'it was taken for good'] = await faults(site);
    assert.match(first, fault);
  });
}

test('two sites at the same host and path are refused, and named', async () => {
  const [fault] = await faults(web, { ...web, path: '/a/' }, { ...web, path: '/' });
  assert.match(fault ?? '', /^2\.path: expected another host or path than sites\.0 has/);
});

test('two sites whose paths differ by encoding alone are refused', async () => {
  const [fault] = await faults({ ...web, path: '/@x/' }, { ...web, path: '/%40x/' });
  assert.match(fault ?? '', /^1\.path: expected another host or path than sites\.0 has, \*\/@x\//);
});

test('paths that clients send encoded, and a long chain of redirects, are taken', async () => {
  for (const path of ['/', '/%C3%A9/', '/a%20b/', '/@x/', "/a'(b)/", '/.well-known/', '/a..b/'])
    assert.deepEqual(await faults({ ...web, path }), [], path);
  const redirects = Array.from({ length: 1000 }, (_, n) => ({ from: `/${n}`, to: `/${n + 1}` }));
  assert.deepEqual(await faults({ ...web, redirects }), []);
});

test('hosts with hyphens, wildcards and addresses are taken', async () => {
  const hosts = ['*', '*.x.test', 'xn--bcher-kva.test', '[::1]', '127.0.0.1', 'localhost'];
  assert.deepEqual(await faults(...hosts.map((host) => ({ ...web, host }))), []);
});

test('no site at all is refused: without the setting, objects are served', async () => {
  assert.equal((await faults()).length, 1);
});
