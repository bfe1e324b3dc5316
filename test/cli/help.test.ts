// --help of the program and of every command lists its arguments and shows an example that can be copied.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';

/** The options of each command besides --help. */
const commands: Record<string, string[]> = {
  init: ['--no-certificate'],
  serve: ['--config', '--listen', '--control', '--workers', '--ktls', '--store', '--log-level'],
  import: ['--config', '--store', '--bucket', '--prefix', '--kind'],
  put: ['--config', '--store', '--type', '--server', '--token-file', '--cacert'],
  get: ['--config', '--store', '--output'],
  ls: ['--config', '--store', '--json', '--limit'],
  stat: ['--config', '--store', '--json', '--server'],
  rm: ['--config', '--store', '--force', '--server'],
  cp: ['--config', '--store', '--server'],
  forget: ['--config', '--store', '--control', '--why'],
  gc: ['--config', '--store', '--control', '--dry-run', '--json'],
  mirror: [],
  'mirror ls': ['--config', '--control', '--json'],
  'mirror warm': ['--config', '--control', '--concurrency', '--json'],
  'mirror forget': ['--config', '--control', '--why', '--json'],
  'mirror check': ['--config', '--control', '--json'],
  repo: [],
  'repo ls': ['--config', '--control', '--json'],
  'repo rm': ['--config', '--control', '--dry-run', '--yes', '--why', '--json'],
  'repo why': ['--config', '--control', '--json'],
  'repo tidy': ['--config', '--control', '--dry-run', '--why', '--json'],
  why: ['--config', '--store', '--json'],
  verify: ['--config', '--store', '--json', '--restore'],
  bucket: [],
  'bucket create': ['--config', '--store', '--kind'],
  'bucket set': ['--config', '--store', '--control', '--keep-versions', '--keep-days', '--keep-all', '--yes'],
  'bucket ls': ['--config', '--store', '--json', '--control'],
  token: [],
  'token add': ['--config', '--store', '--days', '--label', '--output'],
  'token ls': ['--config', '--store', '--json'],
  'token rm': ['--config', '--store'],
  config: [],
  'config check': ['--config', '--store'],
  'config show': ['--config', '--store'],
  'config schema': [],
  'config variables': ['--json'],
  export: ['--config', '--store', '--prefix', '--server'],
  versions: ['--config', '--store', '--json', '--server'],
  restore: ['--config', '--store', '--to', '--server'],
  backup: ['--config', '--store'],
  rebuild: ['--config', '--store'],
  doctor: ['--config', '--json'],
  diagnose: ['--config', '--control', '--watch', '--json'],
  rollout: [],
  'rollout show': ['--config', '--control', '--json'],
  'rollout set': ['--config', '--control', '--percent', '--why', '--force'],
  'rollout back': ['--config', '--control', '--why'],
  'rollout log': ['--config', '--control', '--json'],
  tls: [],
  'tls reload': ['--config', '--control'],
};

test('--help lists the commands and the first steps', async () => {
  const help = await runCli('--help');
  for (const command of Object.keys(commands).filter((name) => !name.includes(' ')))
    assert.match(help, new RegExp(`^ {2}${command}\\b`, 'm'));
  assert.match(help, /^ {2}sealgate init site /m);
  assert.equal(await runCli('help'), help);
});

for (const [command, options] of Object.entries(commands)) {
  test(`${command} lists its options and shows an example`, async () => {
    const help = await runCli(...command.split(' '), '--help');
    assert.match(help, new RegExp(`^Usage: sealgate ${command}(\\|\\w+)? \\[options\\]`));
    for (const option of [...options, '--help']) assert.match(help, new RegExp(`^ .*${option}\\b`, 'm'));
    assert.match(help, new RegExp(`^Examples:\\n {2}.*sealgate ${command}`, 'm'));
    for (const line of help.split('\n')) assert.ok(line.length <= 110, line);
    assert.doesNotMatch(help, /\n\n\n|\(default: (\[\]|"")/);
  });
}

// Routes of the sources, so that none can be forgotten. What the page consists of is no endpoint.
test('serve --help and docs/operating.md list every endpoint of the control plane', async () => {
  const folder = new URL('../../src/control/', import.meta.url);
  const prefixes: Record<string, string> = {
    'rollout.ts': '/rollout',
    'purging.ts': '/purges',
    'mirrors.ts': '/mirrors',
    'repositories.ts': '/repositories',
  };
  const routes: { method: string; path: string }[] = [];
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.ts')) continue;
    const source = await readFile(new URL(file, folder), 'utf8');
    for (const [, method = '', path = ''] of source.matchAll(/\bapp\.(get|post|put|delete)\('(\/[\w/]*)'/g)) {
      const prefix = prefixes[file] ?? '';
      routes.push({ method, path: prefix + (prefix && path === '/' ? '' : path) });
    }
  }
  assert.ok(routes.length >= 15);
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const section = /^## Control plane\n(.*?)^## /ms.exec(page)?.[1] ?? '';
  const help = await runCli('serve', '--help');
  const [gets = '', posts = ''] = help.slice(help.indexOf('The control plane answers')).split('and POST');
  for (const { method, path } of routes) {
    assert.ok(section.includes(`\`${path}\``), `${path} in docs/operating.md`);
    const listed = (method === 'get' ? gets : posts).matchAll(/\/[\w/]*/g);
    assert.ok(
      [...listed].some(([name]) => name === path),
      `${method} ${path}`,
    );
  }
});

test('--version prints the version of package.json', async () => {
  const { version } = (await import('../../package.json', { with: { type: 'json' } })).default;
  assert.equal(await runCli('--version'), `${version}\n`);
});

test('no command: prints the help and fails', async () => {
  const { status, stdout, stderr } = await outcome(spawnCli([]));
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^Usage: sealgate /);
});
