// What of a pull the application is asked about: nothing, once a worker has made the plans of the image.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { blobOf, imageOf, TestRegistry } from '../../../support/registry.ts';
import { outcome, runCli } from '../../../support/runtime.ts';
import { until } from '../../../support/wait.ts';

const oneWorker = ['--workers', '1'];
const rounds = 5;
const open = await TestRegistry.start({}, {}, ...oneWorker);
const closed = await TestRegistry.start({ auth: 'token' }, {}, ...oneWorker);
after(() => Promise.all([open, closed].map((each) => each.stop())));

const config = blobOf(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {} }));
const layers = Array.from({ length: 20 }, () => blobOf(randomBytes(1000)));
const image = imageOf(config, layers);
const paths = [
  ...[config, ...layers].map(({ digest }) => `blobs/${digest}`),
  `manifests/${image.digest}`,
  'manifests/v1',
];
for (const registry of [open, closed]) {
  await registry.push('team/app', config, ...layers);
  const { status } = await registry.put('team/app', 'v1', image);
  assert.equal(status, 201);
}

interface Counts {
  kept: number;
  asked: number;
}

/**
 * Does the work once, and then until its counts are these: where the application's thread has no time to look
 * at the tokens for a second, the engine asks it about them, and a loaded machine may do that to one round.
 */
async function expectAgain({ server }: TestRegistry, work: () => Promise<void>, expected: Counts) {
  const now = async () => ({
    kept: await server.metric('sealgate_plan_cache_hits_total'),
    asked: await server.metric('sealgate_plan_cache_misses_total'),
  });
  await work();
  for (let round = 1; ; round++) {
    const before = await now();
    await work();
    const after = await now();
    const counts = { kept: after.kept - before.kept, asked: after.asked - before.asked };
    if (isDeepStrictEqual(counts, expected)) return;
    if (round === rounds) assert.deepEqual(counts, expected);
  }
}

/** All of the image. @param rest of each target. @param how more for curl. */
async function pull({ server }: TestRegistry, rest: string, ...how: string[]): Promise<void> {
  for (const path of paths) {
    const { status } = await server.curl(`/v2/team/app/${path}${rest}`, ...how);
    assert.equal(status, how.includes('Range: bytes=1-2') ? 206 : 200, path);
  }
}

const login = (registry: TestRegistry) => `user:${registry.site.token}`;
const bearer = (token: string) => ['-H', `Authorization: Bearer ${token}`];

for (const [title, registry, rest, ...how] of [
  ['without a token', open, ''],
  ['by HEAD', open, '', '-I'],
  ['in ranges', open, '', '-H', 'Range: bytes=1-2'],
  ['with the namespace that containerd adds', open, '?ns=images.example.com'],
  ['with the anonymous token', open, '', ...bearer('anonymous')],
  ['with a token where none is needed', open, '', ...bearer(open.site.token)],
  ['with a token where one is needed', closed, '', ...bearer(closed.site.token)],
  ['with a password where a token is needed', closed, '', '-u', login(closed)],
] as const)
  test(`an image of 20 layers that is pulled again ${title} is sent by kept plans alone`, async () => {
    await expectAgain(registry, () => pull(registry, rest, ...how), { kept: paths.length, asked: 0 });
  });

/** A token with these scopes, once the server knows it. */
async function tokenFor(registry: TestRegistry, ...scopes: string[]): Promise<string> {
  const said = await runCli('token', 'add', ...scopes, '--config', registry.site.config);
  const token = /sgt_[\w-]+/.exec(said)?.[0] ?? '';
  const status = async () => (await registry.askAs(token, 'GET', '/v2/')).status;
  await until(status, (each) => each === 200, 'the server does not know the token');
  return token;
}

test('an image that tokens of wider and narrower scopes pull in turns is sent by kept plans', async () => {
  const scopes = ['read:images', 'pull:images/*', 'pull:images/team/*', 'pull:images/team/app'];
  const tokens: string[] = [];
  for (const scope of scopes) tokens.push(await tokenFor(closed, scope));
  const all = async () => {
    for (const token of tokens) await pull(closed, '', ...bearer(token));
  };
  await expectAgain(closed, all, { kept: tokens.length * paths.length, asked: 0 });
});

test('of a pull of 20 layers that skopeo repeats the application is asked about /v2/ alone', async () => {
  const copied = join(open.site.dir, 'copied');
  const skopeo = async () => {
    await rm(copied, { recursive: true, force: true });
    const from = `docker://${open.host}/team/app:v1`;
    const words = ['--insecure-policy', 'copy', '--src-tls-verify=false', from, `dir:${copied}`];
    const env = { ...process.env, HOME: open.site.dir, XDG_RUNTIME_DIR: open.site.dir };
    const { status, stderr } = await outcome(spawn('skopeo', words, { env }));
    assert.equal(status, 0, stderr);
  };
  await expectAgain(open, skopeo, { kept: 1 + 1 + layers.length, asked: 1 });
});
