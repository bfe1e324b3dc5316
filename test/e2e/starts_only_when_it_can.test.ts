// A server that cannot start reports the reason in one line and leaves no process behind.

import assert from 'node:assert/strict';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addon } from '../../src/native/addon.ts';
import { outcome, runCli, spawnCli } from '../support/runtime.ts';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
after(() => site.remove());
const control = ['--control', 'http://127.0.0.1:0'];
const listen = ['--listen', 'https://127.0.0.1:0'];

async function refusal(...args: string[]): Promise<string> {
  return refused(undefined, ...args);
}

/** @param expected the exit status; absent: any but 0. */
async function refused(expected: number | undefined, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await outcome(spawnCli(['serve', '--config', site.config, ...args]));
  if (expected === undefined) assert.notEqual(status, 0);
  else assert.equal(status, expected, stderr);
  assert.equal(stdout, '');
  return stderr;
}

test('an address in use: no start, one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  assert.match(
    await refusal('--listen', `https://127.0.0.1:${port}`, ...control),
    new RegExp(`${port}.*in use`),
  );
  other.close();
});

test('a control listener beyond loopback without TLS: no start', async () => {
  assert.match(await refusal(...listen, '--control', 'http://0.0.0.0:0'), /control\.listen: expected https:/);
});

test('a store that another server has open: no start', async () => {
  const server = await TestServer.start(site, '--workers', '1');
  const said = await refusal(...listen, ...control);
  assert.equal(await server.stop(), 0);
  assert.match(said, new RegExp(`process ${server.pid}\\b`));
});

const kernelHasTls = addon.probeKtls().some(({ direction, works }) => direction === 'tx' && works);
const skip = kernelHasTls && 'this kernel has kernel TLS';
test('ktls.mode require without kernel TLS: no start', { skip }, async () => {
  assert.match(await refusal(...listen, ...control, '--ktls', 'require'), /"require".*TCP_ULP/);
});

test('a missing certificate: no start', async () => {
  const certificate = join(site.dir, 'tls', 'certificate.pem');
  await copyFile(certificate, `${certificate}.kept`);
  await rm(certificate);
  assert.match(await refusal(...listen, ...control), /tls\.certificate: .*ENOENT/);
  await copyFile(`${certificate}.kept`, certificate);
});

test('an access log that cannot be opened: status 78 and no start', async () => {
  const log = join(site.dir, 'missing', 'access.log');
  assert.match(await refused(78, ...listen, ...control, '--access-log', log), /log\.access: .*access\.log: /);
});

test('a declared kind that a bucket has not: status 78, no start, and no other bucket is made', async () => {
  await runCli('bucket', 'create', 'pages', '--kind', 'versioned', '--config', site.config);
  const config = JSON.parse(await readFile(site.config, 'utf8'));
  await writeFile(
    site.config,
    JSON.stringify({ ...config, buckets: { other: 'versioned', pages: 'write-once' } }),
  );
  const said = await refused(78, ...listen, ...control);
  await writeFile(site.config, JSON.stringify(config));
  assert.match(said, /buckets\.pages: declared is write-once, and the bucket is versioned; /);
  assert.doesNotMatch(await runCli('bucket', 'ls', '--config', site.config), /other/);
});
