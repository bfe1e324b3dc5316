// Precedence of settings: flag, environment variable, file, default.

import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig, settings } from '../../src/config/config.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { temporaryFolder } from '../support/store.ts';

const dir = await temporaryFolder();
after(() => rm(dir, { recursive: true }));
const file = join(dir, 'sealgate.json');
const none = join(dir, 'empty.json');
await writeFile(none, '{}');
await writeFile(
  file,
  JSON.stringify({ workers: 3, ktls: { mode: 'off', minBytes: 7 }, store: 'files/store' }),
);

test('the default, then the file, then the environment, then the flag', async () => {
  const env = { SEALGATE_WORKERS: '5', SEALGATE_KTLS: 'require' };
  const flags = { workers: { flag: '--workers', value: '9' } };
  assert.equal((await loadConfig({ file: none, env: {} })).workers, availableParallelism());
  assert.equal((await loadConfig({ file, env: {} })).workers, 3);
  assert.equal((await loadConfig({ file, env })).workers, 5);
  assert.equal((await loadConfig({ file, env, flags })).workers, 9);
});

test('an override leaves its neighbours in the file as they are', async () => {
  const { ktls } = await loadConfig({ file, env: { SEALGATE_KTLS: 'auto' } });
  assert.deepEqual([ktls.mode, ktls.minBytes, ktls.tx], ['auto', 7, true]);
});

test('an empty variable and a flag that was not given override nothing', async () => {
  const flags = { workers: { flag: '--workers', value: undefined } };
  assert.equal((await loadConfig({ file, env: { SEALGATE_WORKERS: '' }, flags })).workers, 3);
});

test('every environment variable sets its setting', async () => {
  const given: Record<string, [string, unknown]> = {
    SEALGATE_STORE: ['/s', '/s'],
    SEALGATE_LISTEN: [
      '127.0.0.1:1,http://[::1]:2',
      [
        { host: '127.0.0.1', port: 1, tls: true, http2: true },
        { host: '::1', port: 2, tls: false, http2: true },
      ],
    ],
    SEALGATE_USER: ['nobody', 'nobody'],
    SEALGATE_WORKERS: ['2', 2],
    SEALGATE_TLS_CERTIFICATE: ['/c', '/c'],
    SEALGATE_TLS_KEY: ['/k', '/k'],
    SEALGATE_KTLS: ['require', 'require'],
    SEALGATE_KTLS_MIN_BYTES: ['4', 4],
    SEALGATE_KTLS_RECORDS_PER_KEY: ['5', 5],
    SEALGATE_READS: ['token', 'token'],
    SEALGATE_TOKENS: ['/t', '/t'],
    SEALGATE_AUDIT: ['/l', '/l'],
    SEALGATE_CONTROL: ['http://127.0.0.1:6', { host: '127.0.0.1', port: 6, tls: false }],
    SEALGATE_LAME_DUCK_SECONDS: ['7', 7],
    SEALGATE_DRAIN_SECONDS: ['0.5', 0.5],
    SEALGATE_ACCESS_LOG: ['/a', '/a'],
    SEALGATE_LOG_LEVEL: ['trace', 'trace'],
  };
  const env = Object.fromEntries(Object.entries(given).map(([name, [text]]) => [name, text]));
  const config: unknown = await loadConfig({ file: none, env });
  for (const [setting, { variable }] of Object.entries(settings)) {
    const value = setting.split('.').reduce((at, key) => (at as Record<string, unknown>)[key], config);
    assert.deepEqual(value, given[variable]?.[1], variable);
  }
});

test('paths of the file are relative to it, all others to the current folder', async () => {
  assert.equal((await loadConfig({ file, env: {} })).store, join(dir, 'files/store'));
  assert.equal((await loadConfig({ file: none, env: {} })).tls.key, join(dir, 'tls/key.pem'));
  assert.equal(
    (await loadConfig({ file, env: { SEALGATE_STORE: 'here' } })).store,
    join(process.cwd(), 'here'),
  );
  const flags = { store: { flag: '--store', value: 'here' } };
  assert.equal((await loadConfig({ file, env: {}, flags })).store, join(process.cwd(), 'here'));
});

test('the file is --config, then $SEALGATE_CONFIG, then sealgate.json here or the defaults', async () => {
  const workers = async (args: string[], cwd: string, variables = {}) => {
    const env = { ...process.env, ...variables };
    const { status, stdout, stderr } = await outcome(spawnCli(['config', 'show', ...args], { cwd, env }));
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout).workers;
  };
  const elsewhere = join(dir, 'elsewhere');
  await mkdir(elsewhere);
  assert.equal(await workers([], elsewhere), availableParallelism());
  assert.equal(await workers([], dir), 3);
  assert.equal(await workers([], elsewhere, { SEALGATE_CONFIG: file }), 3);
  assert.equal(await workers(['--config', none], dir, { SEALGATE_CONFIG: file }), availableParallelism());
});

test('the output of config show is a file with the same configuration', async () => {
  const shown = await runCli('config', 'show', '--config', file);
  await writeFile(join(dir, 'shown.json'), shown);
  assert.equal(await runCli('config', 'show', '--config', join(dir, 'shown.json')), shown);
});

test('config variables lists every variable with its setting', async () => {
  const lines = (await runCli('config', 'variables')).trimEnd().split('\n');
  const expected = Object.entries(settings).map(([setting, { variable }]) => `${variable} ${setting}`);
  assert.deepEqual(
    lines.map((line) => line.replace(/ +/, ' ')),
    expected,
  );
});
