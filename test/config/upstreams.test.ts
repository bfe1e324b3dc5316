// Upstreams and mirrors in the configuration: what they cannot be is refused with its place.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { outcome, spawnCli } from '../support/runtime.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
const file = join(dir, 'sealgate.json');
/** Where no server answers. */
const nowhere = `unix:${join(dir, 'none.sock')}`;

async function loaded(origin: object, mirror: object = {}, site: object = {}) {
  const upstreams = { origin: { url: 'https://a.test', ...origin } };
  const its = { path: '/m/', protocol: 'mirror', bucket: 'mirror', upstreams: ['origin'], mirror, ...site };
  await writeFile(file, JSON.stringify({ upstreams, sites: [its] }));
  return loadConfig({ file, env: {} });
}

async function fault(...given: Parameters<typeof loaded>): Promise<string> {
  const error = await loaded(...given).then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof ConfigError);
  return error.message.replaceAll(`${file}: `, '');
}

test('files of an upstream are found from the folder of the configuration', async () => {
  const { upstreams } = await loaded({ ca: './ca.pem', token: 'token' });
  const { url, ca, token, attempts } = upstreams.origin ?? {};
  assert.deepEqual(
    [url, ca, token, attempts],
    ['https://a.test/', join(dir, 'ca.pem'), join(dir, 'token'), 3],
  );
});

test('a registry has the URL of its host, or a public one', async () => {
  await loaded({}, { kind: 'npm' }, { host: 'npm.test' });
  await loaded({}, { kind: 'npm' }, { publicUrl: 'https://npm.test/' });
});

const wrong: [what: string, given: Parameters<typeof loaded>, said: RegExp][] = [
  ['a registry that has no URL', [{}, { kind: 'npm' }], /^sites\.0\.publicUrl: expected the URL/],
  ['another kind', [{}, { kind: 'gems' }], /^sites\.0\.mirror\.kind: /],
  ['another scheme', [{ url: 'ftp://a.test/' }], /^upstreams\.origin\.url: expected an http:/],
  ['a user name', [{ url: 'https://u:p@a.test/' }], /^upstreams\.origin\.url: .*without a user name/],
  ['a query', [{ url: 'https://a.test/?a' }], /^upstreams\.origin\.url: .*without a query/],
  ['no host', [{ url: 'https:///' }], /^upstreams\.origin\.url: /],
  [
    'a key without its certificate',
    [{ key: 'a.key' }],
    /^upstreams\.origin\.key: expected "certificate" and/,
  ],
  ['a proxy by TLS', [{ proxy: 'https://p.test:1' }], /^upstreams\.origin\.proxy: expected http:\/\/HOST/],
  [
    'a proxy with a password in its address',
    [{ proxy: 'http://u:p@p.test:1' }],
    /^upstreams\.origin\.proxy: expected http:\/\/HOST(?!.*u:p)/,
  ],
  [
    'an address with a password',
    [{ url: 'https://somebody:secret-word@a.test/' }],
    /^upstreams\.origin\.url: expected a URL without a user name(?!.*secret-word)/s,
  ],
  [
    'an address with a password that has a slash',
    [{ url: 'https://somebody:secret/hidden@a.test/' }],
    /^upstreams\.origin\.url: expected (?!.*(?:secret|hidden))/s,
  ],
  [
    'an address with a password that has an @',
    [{ url: 'https://somebody:secret@hidden@a.test/' }],
    /^upstreams\.origin\.url: expected (?!.*(?:secret|hidden))/s,
  ],
  [
    'credentials for no proxy',
    [{ proxyCredentials: 'file' }],
    /^upstreams\.origin\.proxy: expected the proxy/,
  ],
  [
    'credentials in place of their file',
    [{ credentials: 'somebody:secret-word' }],
    /^upstreams\.origin\.credentials: expected the path (?!.*secret-word)/s,
  ],
  [
    'credentials as an object',
    [{ credentials: { user: 'somebody', password: 'secret-word' } }],
    /^upstreams\.origin\.credentials: (?!.*secret-word)/s,
  ],
  [
    'credentials beside a token',
    [{ credentials: 'file', token: 'file' }],
    /^upstreams\.origin\.credentials: expected nothing beside "token"/,
  ],
  [
    'credentials beside keys',
    [{ credentials: 'file', s3: { bucket: 'abc', accessKey: 'a', secretKey: 's' } }],
    /^upstreams\.origin\.credentials: expected nothing beside "s3" and "registry"/,
  ],
  ['no attempts', [{ attempts: 0 }], /^upstreams\.origin\.attempts: /],
  ['no time', [{ idleSeconds: 0 }], /^upstreams\.origin\.idleSeconds: /],
  [
    'a host with a port',
    [{ redirectsTo: ['a:1'] }],
    /^upstreams\.origin\.redirectsTo\.0: expected a host name/,
  ],
  [
    'an upstream that is not there',
    [{}, {}, { upstreams: ['b'] }],
    /^sites\.0\.upstreams\.0: .*in "upstreams"/,
  ],
  ['an upstream twice', [{}, {}, { upstreams: ['origin', 'origin'] }], /^sites\.0\.upstreams: .*once/],
  ['no upstream', [{}, {}, { upstreams: undefined }], /^sites\.0\.upstreams: expected the names/],
  ['no bucket', [{}, {}, { bucket: undefined }], /^sites\.0\.bucket: expected a bucket name/],
  [
    'an upstream of a web site',
    [{}, {}, { protocol: 'web' }],
    /^sites\.0\.upstreams: expected nothing: protocol web/,
  ],
  ['a pattern elsewhere', [{}, { local: ['/other/**'] }], /^sites\.0\.mirror\.local\.0: it matches nothing/],
  [
    'a digest that is not captured',
    [{}, { rules: [{ match: '/m/*', immutable: true, sha256: '$2' }] }],
    /^sites\.0\.mirror\.rules\.0\.sha256: expected no more than \$1/,
  ],
  [
    'a digest of what may change',
    [{}, { rules: [{ match: '/m/*', sha256: '$1' }] }],
    /^sites\.0\.mirror\.rules\.0\.immutable: expected true/,
  ],
  [
    'what never changes and has an age',
    [{}, { rules: [{ match: '/m/*', immutable: true, freshSeconds: 1 }] }],
    /^sites\.0\.mirror\.rules\.0\.freshSeconds: expected nothing/,
  ],
];
for (const [what, given, said] of wrong)
  test(`refused: ${what}`, async () => {
    assert.match(await fault(...given), said);
  });

test('a build cache in a bucket that is shared with other servers is refused', async () => {
  const s3 = { bucket: 'tier', accessKey: './access', secretKey: './secret' };
  const upstreams = { tier: { url: 'https://a.test', s3 } };
  const shared = { buckets: { builds: 'versioned' }, sharedBuckets: { builds: { upstream: 'tier' } } };
  const sites = (protocol: string) => [{ path: '/b/', protocol, bucket: 'builds' }];
  const load = async (protocol: string) => {
    await writeFile(file, JSON.stringify({ upstreams, ...shared, sites: sites(protocol) }));
    return loadConfig({ file, env: {} });
  };
  await load('web');
  await assert.rejects(load('bazel'), /sharedBuckets\.builds: expected a bucket that is no build cache/);
});

test('config check names files of upstreams that are absent, and tokens that others may read', async () => {
  await loaded({ ca: './none.pem' });
  const check = () => outcome(spawnCli(['config', 'check', '--config', file, '--control', nowhere]));
  const absent = await check();
  assert.equal(absent.status, 78);
  assert.match(absent.stderr, /upstreams\.origin\.ca: .*none\.pem cannot be read/);
  await writeFile(join(dir, 'shown'), 'secret\n', { mode: 0o644 });
  await loaded({ token: './shown' });
  const shown = await check();
  assert.equal(shown.status, 78);
  assert.match(shown.stderr, /upstreams\.origin\.token: .*chmod 600/);
});

test('credentials in the place of their file: config check says so and does not repeat them', async () => {
  await loaded({ url: 'https://a.test/v2/', registry: { credentials: 'robot:hunter2' } });
  const check = await outcome(spawnCli(['config', 'check', '--config', file, '--control', nowhere]));
  assert.equal(check.status, 78);
  const said = `there is no such file below ${dir}; expected the name of a file with the secret`;
  assert.ok(check.stderr.includes(`upstreams.origin.registry.credentials: ${said}`), check.stderr);
  assert.ok(!check.stderr.includes('hunter2'), check.stderr);
});
