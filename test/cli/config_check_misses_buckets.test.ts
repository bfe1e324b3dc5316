// config check warns of sites whose buckets are not there, with the command that makes them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite } from '../support/server.ts';

const site = await createSite({
  buckets: { declared: 'versioned' },
  sites: [
    { path: '/a/', protocol: 'web', bucket: 'declared' },
    { path: '/b/', protocol: 'web', bucket: 'missing' },
    { path: '/c/', protocol: 'bazel', bucket: 'builds' },
  ],
});
after(() => site.remove());
const config = ['--config', site.config];
const check = () => outcome(spawnCli(['config', 'check', ...config]));

test('a bucket of a site that is not there is a warning with a command, until it is made', async () => {
  const { status, stdout, stderr } = await check();
  assert.deepEqual([status, stdout], [0, 'the configuration is good\n']);
  const commands = [...stderr.matchAll(/^warning: site \S+: there is no bucket .*'sealgate (.*)'/gm)];
  assert.deepEqual(
    commands.map(([, command]) => command),
    ['bucket create missing', 'bucket create builds --kind versioned'],
    stderr,
  );
  for (const [, command = ''] of commands) await runCli(...command.split(' '), ...config);
  assert.doesNotMatch((await check()).stderr, /there is no bucket/);
});
