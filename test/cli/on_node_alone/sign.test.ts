// sealgate sign, and signing keys that a server refuses; and the signer of the documents, in Python.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../../support/runtime.ts';
import { createSite, TestServer } from '../../support/server.ts';

const sites = [
  { host: 'localhost', path: '/v/', bucket: 'video', signed: { keys: ['./new.key', './old.key'] } },
  { host: '*.example', bucket: 'video', signed: { keys: ['./new.key'] } },
  { host: '*', bucket: 'video' },
];
const site = await createSite({ buckets: { video: 'versioned' }, sites });
const file = (name: string) => join(site.dir, name);
const [newKey, oldKey] = ['n'.repeat(32), 'o'.repeat(32)];
await writeFile(file('new.key'), `${newKey}\n`, { mode: 0o600 });
await writeFile(file('old.key'), oldKey, { mode: 0o600 });
await writeFile(file('body'), 'body');
await runCli('put', file('body'), 'video/hls/a/ä 1.ts', '--config', site.config);
const server = await TestServer.start(site, '--workers', '1');
after(async () => {
  await server.stop();
  await site.remove();
});

const sign = (...args: string[]) => runCli('sign', ...args, '--config', site.config);
const statusOf = async (url: string) =>
  (await server.curl(url.replace(/^https:\/\/[^/]*/, ''), '-H', 'Host: localhost')).status;
const refusal = async (...args: string[]) => {
  const { status, stderr } = await outcome(spawnCli(['sign', ...args, '--config', site.config]));
  return [status, stderr.split('\n')[0]];
};

test('a URL is signed in the query and in the path, and its browser asks for what was signed', async () => {
  const url = 'https://localhost/v/hls/a/ä 1.ts?v=1';
  for (const more of [
    [],
    ['--in', 'path'],
    ['--prefix', '/v/hls/a/'],
    ['--prefix', '/v/hls/a/ä*', '--in', 'path'],
    ['--method', 'GET', '--address', '127.0.0.0/8'],
    ['--key', 'old'],
  ]) {
    const made = (await sign(url, '--for', '1h', ...more)).trim();
    assert.equal(await statusOf(made), 200, made);
    assert.ok(!made.includes(newKey) && !made.includes(oldKey));
  }
  assert.equal(await statusOf((await sign(url, '--for', '1h', '--address', '192.0.2.0/24')).trim()), 403);
});

test('the time is as it is said', async () => {
  const made = await sign('https://localhost/v/a', '--for', '2h');
  const seconds = Number(/sg-expires=(\d+)/.exec(made)?.[1]) - Date.now() / 1000;
  assert.ok(Math.abs(seconds - 7200) < 60, made);
});

const wrong: [string[], RegExp][] = [
  [['localhost/v/a', '--for', '1h'], /expected a URL that begins with https:/],
  [['https://localhost/v/a#b', '--for', '1h'], /without a fragment/],
  [['https://localhost/v/a', '--for', 'soon'], /--for: expected a time as 90s/],
  [
    ['https://localhost/v/a', '--for', '1h', '--prefix', '/v/a'],
    /--prefix: expected a path that ends with a slash/,
  ],
  [['https://localhost/v/a', '--for', '1h', '--prefix', '/w/'], /--prefix: expected what \/v\/a begins with/],
  [['https://localhost/v/a', '--for', '1h', '--method', 'PUT'], /--method: expected GET or HEAD/],
  [['https://localhost/v/a', '--for', '1h', '--address', '10.0.0.1/8'], /--address: expected 10.0.0.0\/8/],
  [['https://localhost/v/a', '--for', '1h', '--address', 'me'], /--address: expected an address/],
  [['https://localhost/v/a', '--for', '1h', '--in', 'body'], /--in: expected query or path/],
  [['https://localhost/v/a', '--for', '1h', '--key', 'x'], /--key: expected one of new, old/],
  [['https://elsewhere.test/a', '--for', '1h'], /its site, \*\/, signs no URLs/],
];
for (const [args, expected] of wrong) {
  test(`sign ${args.join(' ')}: status 2, and what is wrong`, async () => {
    const [status, sentence] = await refusal(...args);
    assert.equal(status, 2);
    assert.match(String(sentence), expected);
  });
}

test('the signer in the documents makes URLs that are served', async () => {
  const text = await readFile('docs/signed-urls.md', 'utf8');
  const code = /```python\n(.*?)```/s.exec(text)?.[1];
  assert.ok(code);
  const calls = [
    ['https://localhost/v/hls/a/%C3%A4%201.ts', 'prefix=""'],
    ['https://localhost/v/hls/a/%C3%A4%201.ts', 'prefix="/v/hls/"'],
    ['https://localhost/v/hls/a/%C3%A4%201.ts', 'prefix="/v/hls/", in_path=True'],
    ['https://localhost/v/hls/a/%C3%A4%201.ts', 'in_path=True'],
  ];
  const lines = calls.map(
    ([url, more]) =>
      `print(sign("${url}", "localhost/v/", open("${file('new.key')}").read(), "new", 60, ${more}))`,
  );
  const { status, stdout, stderr } = await outcome(
    spawn('python3', ['-c', `${code}\n${lines.join('\n')}`], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  assert.equal(status, 0, stderr);
  const made = stdout.trim().split('\n');
  assert.equal(made.length, calls.length);
  for (const url of made) assert.equal(await statusOf(url), 200, url);
  assert.equal(await statusOf((made[0] ?? '').replace('sg-key=new', 'sg-key=old')), 403);
});

// --- keys that cannot be

async function started(keys: string[], env: Record<string, string> = {}) {
  const own = await createSite({
    buckets: { video: 'versioned' },
    sites: [{ host: '*', bucket: 'video', signed: { keys } }],
    listeners: ['https://127.0.0.1:0'],
    control: { listen: 'http://127.0.0.1:0' },
  });
  await mkdir(join(own.dir, 'keys'));
  await writeFile(join(own.dir, 'keys', 'open.key'), newKey, { mode: 0o600 });
  await chmod(join(own.dir, 'keys', 'open.key'), 0o640);
  await writeFile(join(own.dir, 'keys', 'short.key'), 'short', { mode: 0o600 });
  await writeFile(join(own.dir, 'keys', 'blank.key'), `${newKey} x`, { mode: 0o600 });
  const ends = [];
  for (const command of [['serve'], ['config', 'check']]) {
    const child = spawnCli([...command, '--config', own.config], { env: { ...process.env, ...env } });
    ends.push(await outcome(child));
  }
  await rm(own.dir, { recursive: true });
  return ends;
}

const refused: [string, string, RegExp][] = [
  [
    'that others can read',
    './keys/open.key',
    /open\.key: others may read it \(mode 640\).*run chmod 600 open\.key/,
  ],
  ['of fewer than 32 characters', './keys/short.key', /short\.key: expected one line of 32 to 1024/],
  ['with a blank', './keys/blank.key', /blank\.key: expected one line of 32 to 1024/],
  [
    'that is not there',
    './keys/none.key',
    /none\.key cannot be read \(ENOENT\); make one with: .*openssl rand/,
  ],
  ['that is a folder', './keys', /cannot be read \(EISDIR\)|others may read it/],
  ['of systemd, without systemd', '$CREDENTIALS_DIRECTORY/x', /CREDENTIALS_DIRECTORY is not set/],
];
for (const [what, key, expected] of refused) {
  test(`a signing key ${what}: serve and config check end with 78, and say what to do`, async () => {
    for (const { status, stderr } of await started([key])) {
      assert.equal(status, 78, stderr);
      assert.match(stderr, /site \*\/: signed\.keys\.0: /);
      assert.match(stderr, expected);
      assert.ok(!stderr.includes(newKey));
    }
  });
}

test('a signing key among the credentials of systemd is read there', async () => {
  const folder = file('credentials');
  await mkdir(folder);
  await writeFile(join(folder, 'cdn'), newKey, { mode: 0o440 });
  const [, check] = await started(['$CREDENTIALS_DIRECTORY/cdn', './keys/short.key'], {
    CREDENTIALS_DIRECTORY: folder,
  });
  assert.doesNotMatch(check?.stderr ?? '', /keys\.0/);
  assert.match(check?.stderr ?? '', /keys\.1/);
});
