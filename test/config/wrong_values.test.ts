// An invalid value is refused with its origin, the expected and the given value; all errors are reported at
// once.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { outcome, runtime, spawnCli } from '../support/runtime.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
const file = join(dir, 'sealgate.json');

type Source = Parameters<typeof loadConfig>[0];

async function faults(content: string, source: Source = {}): Promise<string[]> {
  await writeFile(file, content);
  try {
    await loadConfig({ file, env: {}, ...source });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n');
  }
  assert.fail('it was taken for good');
}

const address =
  'expected http:// or https://, an IP address (IPv6 in brackets) or localhost, and a port; or unix:/PATH';
const bucket =
  'expected a bucket name: 1 to 63 lower-case letters, digits, dots and hyphens, a letter or digit first';
const unknown = (key: string) =>
  `there is no setting "${key}"; 'sealgate config schema' lists those there are`;

const wrong: [string, unknown, string][] = [
  ['a key that is not there', { bogus: 1 }, `configuration: ${unknown('bogus')}`],
  ['a key in the wrong section', { ktls: { workers: 1 } }, `ktls: ${unknown('workers')}`],
  ['a limit that is not there', { limits: { memory: 1 } }, `limits: ${unknown('memory')}`],
  ['text for a number', { workers: 'two' }, 'workers: expected a number, got "two"'],
  ['no worker', { workers: 0 }, 'workers: expected at least 1, got 0'],
  ['half a worker', { workers: 1.5 }, 'workers: expected a whole number, got 1.5'],
  ['null', { store: null }, 'store: expected text, got null'],
  [
    'seconds for milliseconds',
    { limits: { headTimeout: '10s' } },
    'limits.headTimeout: expected a whole number of milliseconds, 1 to 3600000, got "10s"',
  ],
  [
    'a size with a unit',
    { limits: { headBytes: '32KiB' } },
    'limits.headBytes: expected a whole number of bytes, 1 to 1048576, got "32KiB"',
  ],
  [
    'an endless timeout',
    { limits: { idleTimeout: 0 } },
    'limits.idleTimeout: expected a whole number of milliseconds, 1 to 3600000, got 0',
  ],
  [
    'a drain of days',
    { drain: { graceSeconds: 86400 } },
    'drain.graceSeconds: expected at most 3600, got 86400',
  ],
  [
    'a lame duck of days',
    { drain: { lameDuckSeconds: 86400 } },
    'drain.lameDuckSeconds: expected at most 3600, got 86400',
  ],
  [
    'a health path that is none',
    { healthPath: 'health?' },
    'healthPath: expected a path like "/health", without ? and #, got "health?"',
  ],
  [
    'another scheme',
    { listeners: ['ftp://127.0.0.1:1'] },
    `listeners.0: ${address}, got "ftp://127.0.0.1:1"`,
  ],
  [
    'a host name',
    { listeners: ['https://example.org:1'] },
    `listeners.0: ${address}, got "https://example.org:1"`,
  ],
  ['no port', { listeners: ['https://127.0.0.1'] }, `listeners.0: ${address}, got "https://127.0.0.1"`],
  [
    'a port that is none',
    { listeners: ['https://127.0.0.1:65536'] },
    'listeners.0: no such address, got "https://127.0.0.1:65536"',
  ],
  [
    'one address twice',
    { listeners: ['https://127.0.0.1:1', 'http://127.0.0.1:0', 'http://127.0.0.1:0', 'http://127.0.0.1:1'] },
    'listeners: expected each address and port, and each path, once, got ' +
      '["https://127.0.0.1:1","http://127.0.0.1:0","http://127.0.0.1:0","http://127.0.0.1:1"]',
  ],
  [
    'an address that is none',
    { listeners: ['https://127.0.0.1:1', 'https://1.2.3:1'] },
    'listeners.1: no such address, got "https://1.2.3:1"',
  ],
  [
    'an address in an object',
    { listeners: [{ url: 'ftp://127.0.0.1:1' }] },
    `listeners.0: ${address}, got {"url":"ftp://127.0.0.1:1"}`,
  ],
  [
    'http2 that is no boolean',
    { listeners: [{ url: 'https://127.0.0.1:1', http2: 'no' }] },
    'listeners.0: expected an address, or an object with url, http2, which is true or false, and ' +
      'proxyProtocol, got {"url":"https://127.0.0.1:1","http2":"no"}',
  ],
  [
    'a path of a socket that is too long',
    { listeners: [`unix:/${'x'.repeat(107)}`] },
    `listeners.0: expected a path of at most 107 bytes, got "unix:/${'x'.repeat(107)}"`,
  ],
  [
    'one path twice',
    { listeners: ['unix:/run/a.sock', { url: 'unix:/run/a.sock', tls: true }] },
    'listeners: expected each address and port, and each path, once, got ' +
      '["unix:/run/a.sock",{"url":"unix:/run/a.sock","tls":true}]',
  ],
  [
    'a mode that is none',
    { listeners: [{ url: 'unix:/run/a.sock', mode: 'rw' }] },
    'listeners.0: mode: expected three octal digits, such as 0660, ' +
      'got {"url":"unix:/run/a.sock","mode":"rw"}',
  ],
  [
    'a mode of a port',
    { listeners: [{ url: 'http://127.0.0.1:1', mode: '0660' }] },
    'listeners.0: mode: expected it of unix:/PATH alone, got {"url":"http://127.0.0.1:1","mode":"0660"}',
  ],
  [
    'proxies that are no networks',
    { listeners: [{ url: 'https://127.0.0.1:1', proxyProtocol: { from: ['proxy'] } }] },
    'listeners.0: proxyProtocol.from.0: expected an IP address, or a network as 192.0.2.0/24 or ' +
      '2001:db8::/32, got {"url":"https://127.0.0.1:1","proxyProtocol":{"from":["proxy"]}}',
  ],
  [
    'a PROXY header from nobody',
    { listeners: [{ url: 'https://127.0.0.1:1', proxyProtocol: { from: [] } }] },
    'listeners.0: proxyProtocol.from: expected the addresses or networks of the proxies, at least one, ' +
      'got {"url":"https://127.0.0.1:1","proxyProtocol":{"from":[]}}',
  ],
  [
    'a field that proxies do not write',
    { trustedProxies: { from: ['10.0.0.0/8'], field: 'X-Real-IP' } },
    'trustedProxies.field: expected one of X-Forwarded-For, Forwarded, got "X-Real-IP"',
  ],
  [
    'a trusted proxy by its name',
    { trustedProxies: { from: ['proxy.test'] } },
    'trustedProxies.from.0: expected an IP address, or a network as 192.0.2.0/24 or 2001:db8::/32, ' +
      'got "proxy.test"',
  ],
  [
    'limits of one name',
    {
      rateLimits: [
        { name: 'a', by: 'address', requests: 1 },
        { name: 'a', by: 'site', requests: 1 },
      ],
    },
    'rateLimits: expected each name once, got [{"name":"a","by":"address","requests":1},' +
      '{"name":"a","by":"site","requests":1}]',
  ],
  [
    'a limit by something else',
    { rateLimits: [{ name: 'a', by: 'user', requests: 1 }] },
    'rateLimits.0.by: expected one of address, site, token, got "user"',
  ],
  [
    'a limit of no requests',
    { rateLimits: [{ name: 'a', by: 'site', requests: 0 }] },
    'rateLimits.0.requests: expected at least 1, got 0',
  ],
  [
    'a limit whose burst takes 2,740 years to come back',
    { rateLimits: [{ name: 'a', by: 'site', requests: 1, seconds: 86_400, burst: 1_000_000 }] },
    'rateLimits.0: expected a burst that the requests and seconds give back within a year, ' +
      'got {"name":"a","by":"site","requests":1,"seconds":86400,"burst":1000000}',
  ],
  [
    'a limit of two things',
    { rateLimits: [{ name: 'a', by: 'site', requests: 1, bytes: 1 }] },
    'rateLimits.0: expected one of requests, bytes and connections, ' +
      'got {"name":"a","by":"site","requests":1,"bytes":1}',
  ],
  [
    'connections of a site',
    { rateLimits: [{ name: 'a', by: 'site', connections: 1 }] },
    'rateLimits.0.by: expected "address", as connections have no other, got "site"',
  ],
  [
    'connections in a time',
    { rateLimits: [{ name: 'a', by: 'address', connections: 1, seconds: 1 }] },
    'rateLimits.0: expected no seconds and no burst with connections, ' +
      'got {"name":"a","by":"address","connections":1,"seconds":1}',
  ],
  [
    'two limits of connections',
    { rateLimits: ['a', 'b'].map((name) => ({ name, by: 'address', connections: 1 })) },
    'rateLimits: expected one limit of connections at most, ' +
      'got [{"name":"a","by":"address","connections":1},{"name":"b","by":"address","connections":1}]',
  ],
  ['no listener', { listeners: [] }, 'listeners: expected at least 1 value, got []'],
  ['an unknown mode', { ktls: { mode: 'on' } }, 'ktls.mode: expected one of auto, off, require, got "on"'],
  ['text for a section', { ktls: 'off' }, 'ktls: expected an object, got "off"'],
  [
    'an old protocol',
    { tls: { minVersion: 'TLSv1.1' } },
    'tls.minVersion: expected one of TLSv1.2, TLSv1.3, got "TLSv1.1"',
  ],
  [
    'a bucket of an unknown kind',
    { buckets: { a: 'fast' } },
    'buckets.a: expected one of write-once, versioned, got "fast"',
  ],
  [
    'a bucket that nothing can be called',
    { buckets: { Upper: 'versioned' } },
    `buckets.Upper: ${bucket}, got "Upper"`,
  ],
  [
    'a scope of nothing',
    { auth: { clients: [{ subject: 'CN=a', scopes: ['write'] }] } },
    'auth.clients.0.scopes.0: expected read:BUCKET or write:BUCKET, * for all buckets; ' +
      'pull:BUCKET/REPOSITORY, push: or delete:, * at its end for what begins so; control:read or ' +
      'control:operate, got "write"',
  ],
  [
    'a control address without a scheme',
    { control: { listen: '127.0.0.1:9443' } },
    'control.listen: expected unix:/PATH, http:// with a loopback address or https:// with any (IPv6 in ' +
      'brackets), and a port, got "127.0.0.1:9443"',
  ],
  [
    'an unknown level',
    { log: { level: 'loud' } },
    'log.level: expected one of silent, fatal, error, warn, info, debug, trace, got "loud"',
  ],
];

for (const [what, content, expected] of wrong) {
  test(`${what} in the file`, async () => {
    assert.deepEqual(await faults(JSON.stringify(content)), [`${file}: ${expected}`]);
  });
}

test('an invalid environment variable: the error names the variable, not the file', async () => {
  const env = { SEALGATE_WORKERS: '1x', SEALGATE_KTLS: 'maybe', SEALGATE_LISTEN: '1.2.3.4' };
  assert.deepEqual(await faults('{}', { env }), [
    `SEALGATE_LISTEN: listeners.0: ${address}, got "https://1.2.3.4"`,
    'SEALGATE_WORKERS: workers: expected a number, got "1x"',
    'SEALGATE_KTLS: ktls.mode: expected one of auto, off, require, got "maybe"',
  ]);
});

test('an invalid flag: the error names the flag, not the variable', async () => {
  const env = { SEALGATE_WORKERS: '2' };
  const flags = { workers: { flag: '--workers', value: 'many' } };
  assert.deepEqual(await faults('{}', { env, flags }), ['--workers: workers: expected a number, got "many"']);
});

test('a flag for a section that is not an object: the error names the file', async () => {
  assert.deepEqual(await faults('{"ktls": "off"}', { env: { SEALGATE_KTLS: 'auto' } }), [
    `${file}: ktls: expected an object, got "off"`,
  ]);
});

test('several invalid values: all are reported at once', async () => {
  assert.equal((await faults(JSON.stringify({ workers: 0, bogus: 1, log: { level: 1 } }))).length, 3);
});

test('invalid JSON: the error has its line', async () => {
  const [told = ''] = await faults('{\n  "store": "./s",\n  "workers": 2,,\n}\n');
  // JavaScriptCore does not report the position.
  const line = runtime === 'bun' ? '' : ':3';
  assert.ok(told.startsWith(`${file}${line}: is not JSON: `), told);
});

test('lists nested 100,000 deep: refused as any other wrong value', async () => {
  const depth = 100_000;
  const told = await faults(`{"listeners": ${'['.repeat(depth)}${']'.repeat(depth)}}`);
  assert.equal(told.length, 1);
  // Some runtimes can write any depth as JSON.
  assert.match(told[0] ?? '', /an address.*, got (\[{9,}…|something nested too deeply to be shown)$/);
});

test('JSON that is not an object is refused', async () => {
  assert.deepEqual(await faults('[]'), [`${file}: is not JSON: expected an object`]);
});

test('a missing or unreadable file is refused', async () => {
  const advice = "make one with 'sealgate init' or name it with --config";
  assert.deepEqual(await faults('{}', { file: join(dir, 'none') }), [
    `${join(dir, 'none')}: cannot be read (ENOENT); ${advice}`,
  ]);
  assert.deepEqual(await faults('{}', { file: dir }), [`${dir}: cannot be read (EISDIR); ${advice}`]);
});

test('commands end with status 78 (EX_CONFIG) and one line per error', async () => {
  await writeFile(file, JSON.stringify({ workers: 0, bogus: 1 }));
  for (const args of [
    ['config', 'check'],
    ['config', 'show'],
    ['serve'],
    ['ls', 'files'],
    ['token', 'list'],
  ]) {
    const { status, stdout, stderr } = await outcome(spawnCli([...args, '--config', file]));
    assert.deepEqual([status, stdout], [78, ''], args.join(' '));
    assert.match(stderr, /^(sealgate: \/\S+sealgate\.json: [^\n]+\n){2}$/);
  }
});
